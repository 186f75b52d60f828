//! `tightrope rewrite`: one page from a stream to a stream, by what an earlier build decided.

use crate::config::Config;
use crate::error::{Error, Result, io_error};
use crate::fallback::{NetFile, Parts};
use crate::manifest::{Manifest, private};
use crate::model::path::SitePath;
use crate::page::{self, Context, Outcome};
use crate::site::{self, index::AssetIndex};
use std::io::{self, Read, Seek as _, Write};
use std::path::Path;

/// Rewrites a page that was not there when the site was built, or is made anew each time. `manifest` is the
/// `tightrope.json` of the output, which lies beside the published files or is kept beside the output; `page` is where the page would lie in it.
///
/// A page of any length takes constant memory: one that is longer than [`page::WHOLE`] waits in a temporary file, because
/// what goes in at its start depends on all of it.
pub fn rewrite(manifest: &Path, page: &SitePath, input: &mut dyn Read, out: &mut dyn Write) -> Result<Outcome> {
    let bytes = site::read_regular(manifest).map_err(io_error("read", manifest))?;
    let (site, _) = site::walk(&private::out_of(manifest))?;
    let manifest = Manifest::parse(&bytes, manifest)?;
    let config = Config::new(manifest.options.clone())?;
    let (index, plan) = (AssetIndex::of_names(&site), manifest.plan());
    check_net(&manifest, &config, Parts::of(&config, !plan.workers.is_empty()))?;
    let context = Context { config: &config, site: &site, index: &index, plan: &plan, explain: false };

    let mut start = Vec::new();
    input.take(page::WHOLE + 1).read_to_end(&mut start).map_err(failed(page, "read"))?;
    if start.len() as u64 <= page::WHOLE {
        let outcome = page::rewrite_bytes(page, &start, None, context);
        out.write_all(outcome.bytes.as_deref().unwrap_or(&start)).map_err(failed(page, "write"))?;
        return Ok(outcome);
    }
    let waiting = spool(&start, input).map_err(failed(page, "keep"))?;
    let open = || -> io::Result<Box<dyn Read>> {
        let mut file = waiting.try_clone()?;
        file.rewind()?;
        Ok(Box::new(file))
    };
    let outcome = page::rewrite_stream(page, &open, out, context)?;
    if !outcome.changed {
        io::copy(&mut open().map_err(failed(page, "read"))?, out).map_err(failed(page, "write"))?;
    }
    Ok(outcome)
}

/// The file that holds the net must be in the output already: with another version it has another name.
fn check_net(manifest: &Manifest, config: &Config, parts: Parts) -> Result<()> {
    let written = manifest.net.as_ref().map(|net| net.path.as_str());
    if written == NetFile::of(config, parts).map(|file| file.name.as_str()) {
        return Ok(());
    }
    Err(Error::Setting {
        setting: "--fallback",
        value: "external".to_owned(),
        reason: "the site was built by another version, and its net is another file; build it again".to_owned(),
    })
}

/// A temporary file with all of a page. It has no name: it is gone when it is closed.
fn spool(start: &[u8], rest: &mut dyn Read) -> io::Result<std::fs::File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(start)?;
    io::copy(rest, &mut file)?;
    Ok(file)
}

fn failed(page: &SitePath, action: &'static str) -> impl FnOnce(io::Error) -> Error {
    io_error(action, page.as_str())
}
