// A browser behind the WebDriver protocol: just what the tests need.

import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const find = (variable, names) => {
  const found = process.env[variable]
    ?? names.flatMap(name => (process.env.PATH ?? '').split(':').map(dir => join(dir, name))).find(path => existsSync(path));
  if (!found || !existsSync(found)) throw new Error(`none of ${names.join(', ')} is installed (or name one in ${variable}): nothing was tested`);
  return found;
};

export async function startChromium() {
  const binary = find('CHROMIUM', ['chromium', 'chromium-browser', 'google-chrome']);
  const driver = spawn(find('CHROMEDRIVER', ['chromedriver']), ['--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const profile = await mkdtemp(join(tmpdir(), 'net-test-'));
  let browser;
  const end = () => {
    for (const pid of [browser, driver.pid]) {
      try { process.kill(pid, 'SIGKILL'); } catch { /* has ended, or never began */ }
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  // However this process ends (a signal, a closed pipe), its browser ends with it.
  process.once('exit', end);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  process.stdout.once('error', () => process.exit(1));
  try {
    const port = await new Promise((resolve, reject) => {
      let output = '';
      driver.stdout.on('data', data => {
        output += data;
        const found = /successfully on port (\d+)/.exec(output);
        if (found) resolve(found[1]);
      });
      driver.on('error', reject);
      driver.on('exit', () => reject(new Error('chromedriver ended: ' + output)));
    });
    const call = async (method, path, body) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method, body: body && JSON.stringify(body), headers: { 'content-type': 'application/json' },
      });
      const { value } = await response.json();
      if (!response.ok) throw new Error(`WebDriver ${method} ${path}: ${value.message}`);
      return value;
    };
    const { sessionId, capabilities } = await call('POST', '/session', {
      capabilities: { alwaysMatch: {
        browserName: 'chrome', 'goog:chromeOptions': { binary, args: [...ARGUMENTS, `--user-data-dir=${profile}`] },
      } },
    });
    browser = capabilities['goog:processID'];
    const session = `/session/${sessionId}`;
    return {
      version: `${capabilities.browserName} ${capabilities.browserVersion}`,
      open: url => call('POST', `${session}/url`, { url }),
      run: script => call('POST', `${session}/execute/sync`, { script, args: [] }),
      async close() {
        await call('DELETE', session).catch(() => {});
        process.removeListener('exit', end);
        browser = undefined;
        end();
      },
    };
  } catch (error) {
    end();
    throw error;
  }
}
