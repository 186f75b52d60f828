//! All of the matrix. `scripts/matrix` runs it; what it finds goes into `target/matrix/cells.json`, and into the table in
//! docs/matrix.md.
//!
//! Without arguments all cells are loaded. `--engine Firefox,WebKit`, `--fault`, `--element`, `--net` and `--policy` say
//! which alone; what earlier runs found of the others stays in the file. `--browsers 3` says how many run at once, and `--date`
//! is for the table.

// What is printed is what one waits for.
#![allow(clippy::print_stdout)]

mod assets;
mod axes;
// The slice drives the same browsers.
#[allow(dead_code)]
#[path = "../browser/mod.rs"]
mod browser;
mod cells;
mod exceptions;
mod font;
mod load;
mod page;
mod run;
mod site;
mod table;
mod whole;

use axes::Axis;
use cells::Cells;
use exceptions::{EXCEPTIONS, Exception};
use load::Outcome;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};
use whole::Selection;

fn root(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// The values that an argument names.
fn named<A: Axis>(text: &str) -> Result<Vec<A>, String> {
    let value = |name: &str| A::ALL.iter().copied().find(|value| value.name().eq_ignore_ascii_case(name.trim()));
    let names = || A::ALL.iter().map(|value| value.name()).collect::<Vec<_>>().join(" | ");
    text.split(',').map(|name| value(name).ok_or_else(|| format!("nothing is called `{name}`: {}", names()))).collect()
}

/// What is asked for, and the date.
fn arguments() -> Result<(Selection, String), String> {
    let (mut selection, mut date) = (Selection::all(), String::new());
    let mut arguments = env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} wants a value"))?;
        match option.as_str() {
            "--engine" => selection.engines = named(&value)?,
            "--fault" => selection.faults = named(&value)?,
            "--element" => selection.elements = named(&value)?,
            "--net" => selection.nets = named(&value)?,
            "--policy" => selection.policies = named(&value)?,
            "--browsers" => {
                selection.browsers =
                    value.parse().ok().filter(|&number| number > 0).ok_or("--browsers wants a number")?;
            }
            "--date" => date = value,
            _ => {
                let options = "--engine, --fault, --element, --net, --policy, --browsers and --date";
                return Err(format!("{option} is no option; there are {options}"));
            }
        }
    }
    Ok((selection, date))
}

/// The reasons of those exceptions by chance whose cells all held.
fn no_longer_by_chance(outcomes: &[Outcome]) -> Vec<&'static str> {
    let named = |one: &Exception| outcomes.iter().filter(|outcome| one.names(outcome.cell)).collect::<Vec<_>>();
    let holds = |one: &&Exception| {
        let named = named(one);
        one.is_by_chance && !named.is_empty() && named.iter().all(|outcome| outcome.holds())
    };
    EXCEPTIONS.iter().filter(holds).map(|one| one.reason).collect()
}

fn main() -> ExitCode {
    let (selection, date) = match arguments() {
        Ok(arguments) => arguments,
        Err(why) => {
            println!("{why}");
            return ExitCode::from(2);
        }
    };
    let mut cells = Cells::read(&root("target/matrix/cells.json"));
    let (start, mut wrong, mut loaded) = (Instant::now(), 0, Vec::new());
    whole::whole(&selection, |group, outcomes| {
        let complaints = run::complaints(&outcomes);
        let held = outcomes.iter().filter(|outcome| outcome.holds()).count();
        let (engine, net, policy) = (group.engine.name(), group.net.name(), group.policy.name());
        let seconds = start.elapsed().as_secs();
        println!("{engine} | {net} | {policy}: {held} of {} cells hold ({seconds} s so far)", outcomes.len());
        for complaint in &complaints {
            println!("  {complaint}");
        }
        wrong += complaints.len();
        loaded.extend(outcomes.iter().cloned());
        cells.take(outcomes);
    });
    for reason in no_longer_by_chance(&loaded) {
        println!("Held all the time, and is listed as what holds by chance: {reason}");
    }
    fs::write(root("docs/matrix.md"), table::table(&cells, &date)).expect("the table");
    println!("{wrong} complaints about the exceptions; {} s", start.elapsed().as_secs());
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
