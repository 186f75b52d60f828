//! The `tightrope` command.

fn main() -> std::process::ExitCode {
    tightrope::cli::run()
}
