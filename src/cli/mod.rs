//! The command line: the only room that prints.

use crate::config::Config;
use crate::config::settings::Settings;
use crate::error::{Error, Result};
use crate::model::finding::{Code, Finding, Level};
use crate::report;
use crate::{pipeline, verify};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::{self, Write as _};
use std::path::PathBuf;
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
    /// Say what a finding means
    Explain {
        /// The finding's code, such as `missing-asset`; without it, all of them
        code: Option<String>,
    },
}

#[derive(Debug, Args)]
struct Build {
    /// The directory that a build made; never written
    site: PathBuf,
    /// Where the new site goes; replaced as a whole
    #[arg(long)]
    out: PathBuf,
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
        Command::Build(Build { site, out, settings, output }) => {
            let denied = denied(&output.deny)?;
            let config = Config::new(*settings)?;
            let report = on_threads(output.jobs, || pipeline::build(&site, &out, &config))??;
            print(&output, || match output.report {
                Format::Text => report.to_text(output.verbose),
                Format::Json => report.to_json(),
            });
            Ok(status(&report.findings, &denied))
        }
        Command::Verify(Verify { out, output }) => {
            let denied = denied(&output.deny)?;
            let checked = on_threads(output.jobs, || verify::verify(&out))??;
            print(&output, || match output.report {
                Format::Text => checked.to_text(output.verbose),
                Format::Json => checked.to_json(),
            });
            Ok(status(&checked.findings, &denied))
        }
        Command::Explain { code } => explain(code.as_deref()),
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

fn print(output: &OutputOptions, text: impl FnOnce() -> String) {
    if !output.quiet {
        // A closed pipe is the reader's business.
        let _ = io::stdout().write_all(text().as_bytes());
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
        reason: "no finding has this code; `tightrope explain` lists them".to_owned(),
    })
}

fn status(findings: &[Finding], denied: &[Code]) -> ExitCode {
    let fails = |finding: &Finding| finding.code.level() == Level::Error || denied.contains(&finding.code);
    ExitCode::from(u8::from(findings.iter().any(fails)))
}

fn explain(name: Option<&str>) -> Result<ExitCode> {
    let codes = match name {
        Some(name) => vec![code(name)?],
        None => Code::ALL.to_vec(),
    };
    let text = codes.iter().fold(String::new(), |text, code| text + &report::explanation(*code));
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}
