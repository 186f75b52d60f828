//! `tightrope serve`.

use crate::error::{Result, io_error};
use crate::serve::{Fault, Rules, Server};
use clap::Args;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// An output of `tightrope build`
    out: PathBuf,
    /// The origin's port [default: any that is free]
    #[arg(long, value_name = "P", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// The CDN's port [default: any that is free]
    #[arg(long, value_name = "P", default_value_t = 0, hide_default_value = true)]
    cdn_port: u16,
    /// How the CDN fails: MODE for every file that no GLOB matches, or GLOB=MODE, of which the last that matches counts
    #[arg(long, value_name = "[GLOB=]MODE")]
    fault: Vec<String>,
}

/// What the modes are, for `--help`.
pub(super) fn modes() -> String {
    let lines = Fault::ALL.map(|fault| format!("  {:<13} {}\n", fault.name(), fault.description()));
    format!(
        "Modes:\n{}\nrefuse and dns are for the whole CDN. A GLOB without a slash matches the file's name in any \
         directory; a file goes by its published name and by the one it had before. Only this machine can connect; \
         nothing is cached. The control page lists the requests and switches the fault. Ctrl-C ends.",
        lines.concat()
    )
}

/// Runs until it is interrupted.
pub(super) fn run(arguments: &Serve) -> Result<ExitCode> {
    let rules = Rules::parse(&arguments.fault)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(io_error("serve", &arguments.out))?.block_on(async {
        let server = Server::of_output(&arguments.out, arguments.port, arguments.cdn_port, rules).await?;
        // Whoever started this may read no further than these lines, or not at all.
        let _ = io::stdout().write_all(greeting(&server).as_bytes());
        let _ = io::stdout().flush();
        std::future::pending().await
    })
}

fn greeting(server: &Server) -> String {
    let built_for = server
        .built_for()
        .map_or("but these pages were built without one".to_owned(), |cdn| format!("in place of {cdn}"));
    let (site, cdn, control) = (server.site_url(), server.cdn_url(), server.control_url());
    format!("site     {site}\ncdn      {cdn}/  {built_for}\ncontrol  {control}\n")
}
