//! The command line: the only room that prints.

mod serve;

use crate::config::Config;
use crate::config::settings::Settings;
use crate::error::{Error, Result, io_error};
use crate::model::finding::{Code, Finding, Level};
use crate::model::path::SitePath;
use crate::{explain, filter, pipeline, report, verify};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Walks a built site onto a CDN, with a safety net under every asset
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Rewrite SITE into OUT: CDN URLs, integrity, and the net
    Build(Build),
    /// Read OUT again and check every promise
    Verify(Verify),
    /// Say what becomes of every reference and why, or what a finding means
    Explain(Box<Explain>),
    /// Rewrite one page from standard input to standard output, by the plan of an earlier build
    Rewrite(Rewrite),
    /// Serve OUT on this machine as the origin and as a CDN that fails as told
    #[command(after_help = serve::modes())]
    Serve(serve::Serve),
}

#[derive(Debug, Args)]
struct Build {
    /// The directory that a build made; never written
    site: PathBuf,
    /// Where the new site goes; replaced as a whole
    #[arg(long, required_unless_present = "dry_run")]
    out: Option<PathBuf>,
    /// Write nothing, and say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    settings: Box<Settings>,
    #[command(flatten)]
    output: OutputOptions,
}

#[derive(Debug, Args)]
struct Verify {
    /// An output of `tightrope build`
    out: PathBuf,
    #[command(flatten)]
    output: OutputOptions,
}

#[derive(Debug, Args)]
struct Explain {
    /// A site, or a finding's code such as `missing-asset`; without it, what all findings mean
    what: Option<String>,
    /// One page, stylesheet or script of the site, by its path in it; without it, all of them
    #[arg(value_name = "PAGE")]
    only: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    report: Format,
}

#[derive(Debug, Args)]
struct Rewrite {
    /// The `tightrope.json` of an output of `tightrope build`
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// Where the page lies, or would lie, in the site: `docs/index.html`
    #[arg(long, value_name = "PATH")]
    page: String,
    /// Findings that make the exit status 1: a code, or `warnings`
    #[arg(long, value_name = "CODE")]
    deny: Vec<String>,
}

#[derive(Debug, Args)]
struct OutputOptions {
    /// How many threads [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    report: Format,
    /// Findings that make the exit status 1: a code, or `warnings`
    #[arg(long, value_name = "CODE")]
    deny: Vec<String>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
    /// Print notes too
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

/// What failed when standard output could not take a report.
const WRITE: &str = "write the report";

/// Runs the command line. 0: fine. 1: findings that are denied, or a failed verification. 2: could not run.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli.command) {
        Ok(status) => status,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

fn execute(command: Command) -> Result<ExitCode> {
    match command {
        Command::Build(Build { site, out, dry_run, settings, output }) => {
            let denied = denied(&output.deny)?;
            let config = Config::new(*settings)?;
            let report = on_threads(output.jobs, || match out.filter(|_| !dry_run) {
                Some(out) => pipeline::build(&site, &out, &config),
                None => pipeline::dry_run(&site, &config),
            })??;
            let written = "write the report (the site itself is complete)";
            print(&output, if dry_run { WRITE } else { written }, || match output.report {
                Format::Text => report.to_text(output.verbose),
                Format::Json => report.to_json(),
            })?;
            Ok(status(&report.findings, &denied))
        }
        Command::Verify(Verify { out, output }) => {
            let denied = denied(&output.deny)?;
            let checked = on_threads(output.jobs, || verify::verify(&out))??;
            print(&output, WRITE, || match output.report {
                Format::Text => checked.to_text(output.verbose),
                Format::Json => checked.to_json(),
            })?;
            Ok(status(&checked.findings, &denied))
        }
        Command::Explain(arguments) => explain(*arguments),
        Command::Rewrite(arguments) => rewrite(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
    }
}

/// Runs on `jobs` threads, whose stacks are large: parsers recurse on nested code.
fn on_threads<T: Send>(jobs: Option<usize>, work: impl FnOnce() -> T + Send) -> Result<T> {
    const STACK: usize = 64 * 1024 * 1024;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).stack_size(STACK).build();
    let pool = pool.map_err(|error| Error::Setting {
        setting: "--jobs",
        value: jobs.unwrap_or(0).to_string(),
        reason: error.to_string(),
    })?;
    Ok(pool.install(work))
}

fn print(output: &OutputOptions, action: &'static str, text: impl FnOnce() -> String) -> Result<()> {
    if output.quiet { Ok(()) } else { say(action, &text()) }
}

/// To standard output. A closed pipe is the reader's business, a full disk is not.
fn say(action: &'static str, text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(io_error(action, "standard output")(error)),
        _ => Ok(()),
    }
}

/// The codes that `--deny` names.
fn denied(names: &[String]) -> Result<Vec<Code>> {
    let mut codes = Vec::new();
    for name in names {
        if name == "warnings" {
            codes.extend(Code::ALL.iter().filter(|code| code.level() >= Level::Warning));
        } else {
            codes.push(code(name)?);
        }
    }
    Ok(codes)
}

fn code(name: &str) -> Result<Code> {
    Code::ALL.iter().copied().find(|code| code.name() == name).ok_or_else(|| Error::Setting {
        setting: "CODE",
        value: name.to_owned(),
        reason: "no finding has this code, and no directory this name; `tightrope explain` lists the codes".to_owned(),
    })
}

fn status(findings: &[Finding], denied: &[Code]) -> ExitCode {
    let fails = |finding: &Finding| finding.code.level() == Level::Error || denied.contains(&finding.code);
    ExitCode::from(u8::from(findings.iter().any(fails)))
}

fn explain(Explain { what, only, settings, report }: Explain) -> Result<ExitCode> {
    let text = match what {
        Some(site) if only.is_some() || Path::new(&site).is_dir() => {
            let (page, config) = (only.as_deref().map(site_path).transpose()?, Config::new(settings)?);
            let all = on_threads(None, || explain::explain(Path::new(&site), page.as_ref(), &config))??;
            match report {
                Format::Text => explain::to_text(&all),
                Format::Json => explain::to_json(&all),
            }
        }
        Some(name) => report::explanation(code(&name)?),
        None => Code::ALL.iter().fold(String::new(), |text, code| text + &report::explanation(*code)),
    };
    say(WRITE, &text)?;
    Ok(ExitCode::SUCCESS)
}

fn rewrite(Rewrite { plan, page, deny }: &Rewrite) -> Result<ExitCode> {
    let (denied, page) = (denied(deny)?, site_path(page)?);
    let mut out = BufWriter::new(io::stdout().lock());
    let outcome = filter::rewrite(plan, &page, &mut io::stdin().lock(), &mut out)?;
    out.flush().map_err(io_error("write", page.as_str()))?;
    // Standard output is the page.
    let _ = io::stderr().write_all(report::findings_text(&outcome.findings, false).as_bytes());
    Ok(status(&outcome.findings, &denied))
}

fn site_path(text: &str) -> Result<SitePath> {
    SitePath::new(text.trim_start_matches("./")).ok_or_else(|| Error::Setting {
        setting: "PAGE",
        value: text.to_owned(),
        reason: "not a path inside the site; try docs/index.html".to_owned(),
    })
}
