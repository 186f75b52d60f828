//! The table in docs/matrix.md: how many cells hold, of how many, by each axis; and why the others do not.

use super::axes::{Axis, Cell, Element, Net, Policy, why_no_cell};
use super::cells::Cells;
use super::exceptions::{EXCEPTIONS, Exception, LOST, exception};
use super::load::Outcome;
use super::run::combinations;
use super::whole::Selection;
use crate::browser::Engine;
use tightrope::serve::Fault;

const INTRODUCTION: &str = "\
Every way in which a CDN can fail, every element that can ask it, every place of the net and every policy, in three
engines. A cell is one page, with one element several times over, loaded with a browser that knows nothing of the CDN and
has nothing in a cache. It holds when the page becomes what it was before it was built, in the same browser: the same
scripts, once each, in the same order, `DOMContentLoaded` where it was; the same computed styles, fonts and sizes of
pictures; and no error that nobody caught. Written by `scripts/matrix`; `scripts/test` runs a part of it.

Numbers are cells that hold, of all. A cell that fails and is not in the list below, or is in it and holds, fails the run.
";

/// Whether a cell counts as one that holds: what does so by chance does not.
fn counts(outcome: &Outcome) -> bool {
    outcome.holds() && exception(outcome.cell).is_none()
}

/// Held, and all.
#[derive(Clone, Copy, Default)]
struct Count {
    held: usize,
    all: usize,
}

impl Count {
    fn of<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        outcomes.fold(Self::default(), |count, outcome| Self {
            held: count.held + usize::from(counts(outcome)),
            all: count.all + 1,
        })
    }

    /// In tenths of a per cent, cut off: what is not all is never 100.
    fn text(self) -> String {
        let Self { held, all } = self;
        if all == 0 {
            return "–".to_owned();
        }
        let tenths = held * 1000 / all;
        format!("{held} / {all}, {}.{} %", tenths / 10, tenths % 10)
    }

    fn short(self) -> String {
        match self {
            Self { all: 0, .. } => "–".to_owned(),
            Self { held, all } if held == all => "all".to_owned(),
            Self { held, all } => format!("{held}/{all}"),
        }
    }
}

/// The whole document.
pub(crate) fn table(cells: &Cells, date: &str) -> String {
    let (alone, whole): (Vec<_>, Vec<_>) =
        cells.outcomes.iter().partition(|outcome| outcome.cell.element.alone().is_some());
    let is_whole = |element: &&Element| element.alone().is_none();
    let elements: Vec<_> = Element::ALL.iter().filter(is_whole).copied().collect();
    let ones: Vec<_> = Element::ALL.iter().filter(|element| element.alone().is_some()).copied().collect();
    let total = row("**all**", &whole, |_| true);
    let sections = [
        format!("# The browser matrix ({date})\n\n{INTRODUCTION}"),
        missing(&cells.outcomes),
        format!("## The CDN fails as a whole\n\n{}{total}", heading("engine")),
        axis("fault", <Fault as Axis>::ALL, &whole, |cell| cell.fault),
        axis("element", &elements, &whole, |cell| cell.element),
        axis("net", Net::ALL, &whole, |cell| cell.group.net),
        axis("policy", Policy::ALL, &whole, |cell| cell.group.policy),
        format!("Element by fault, in all engines, with all nets and policies:\n\n{}", grid(&elements, &whole)),
        format!(
            "## One file fails\n\nAll else is well, and there is no policy: what fails has been named by something that \
             came from the CDN.\n\n{}",
            axis("element", &ones, &alone, |cell| cell.element)
        ),
        format!("## What does not hold\n\n{}", listed(&cells.outcomes)),
        format!("## What is no cell\n\n{}", no_cells()),
    ];
    sections.join("\n")
}

/// How many cells have not been loaded, where that is not none: the numbers are of those that were.
fn missing(outcomes: &[Outcome]) -> String {
    let all = Selection::all();
    let cells = |group| combinations(group, &all.elements, &all.faults).into_iter();
    let count: usize =
        all.groups().into_iter().map(|group| cells(group).filter(|cell| why_no_cell(*cell).is_none()).count()).sum();
    let known = outcomes.len();
    if known >= count { String::new() } else { format!("**Incomplete: {known} of {count} cells were loaded.**\n") }
}

fn heading(axis: &str) -> String {
    let names: Vec<_> = Engine::ALL.iter().map(|engine| engine.name()).collect();
    format!("| {axis} | {} |\n|---|{}\n", names.join(" | "), "--:|".repeat(names.len()))
}

/// What holds in each engine, of the cells that are meant.
fn row(name: &str, outcomes: &[&Outcome], is_meant: impl Fn(Cell) -> bool) -> String {
    let of = |engine: &Engine| {
        let meant = outcomes.iter().filter(|outcome| outcome.cell.group.engine == *engine && is_meant(outcome.cell));
        Count::of(meant.copied()).text()
    };
    let counts: Vec<_> = Engine::ALL.iter().map(of).collect();
    format!("| {name} | {} |\n", counts.join(" | "))
}

fn axis<A: Axis>(name: &str, values: &[A], outcomes: &[&Outcome], at: impl Fn(Cell) -> A) -> String {
    let rows = values.iter().map(|value| row(value.name(), outcomes, |cell| at(cell) == *value));
    heading(name) + &rows.collect::<String>()
}

fn grid(elements: &[Element], outcomes: &[&Outcome]) -> String {
    let faults = <Fault as Axis>::ALL;
    let names: Vec<_> = faults.iter().map(|fault| fault.name()).collect();
    let count = |element: Element, fault: Fault| {
        let meant = outcomes.iter().filter(|outcome| (outcome.cell.element, outcome.cell.fault) == (element, fault));
        Count::of(meant.copied()).short()
    };
    let rows = elements.iter().map(|element| {
        let counts: Vec<_> = faults.iter().map(|fault| count(*element, *fault)).collect();
        format!("| {} | {} |\n", element.name(), counts.join(" | "))
    });
    format!("| | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len())) + &rows.collect::<String>()
}

/// The exceptions, and how many cells fail because of each.
fn listed(outcomes: &[Outcome]) -> String {
    let count = |engine: Engine, of: &dyn Fn(Cell) -> bool| {
        let failed = outcomes.iter().filter(|outcome| !counts(outcome) && outcome.cell.group.engine == engine);
        failed.filter(|outcome| of(outcome.cell)).count().to_string()
    };
    let row = |what: &str, reason: &str, of: &dyn Fn(Cell) -> bool| {
        let counts: Vec<_> = Engine::ALL.iter().map(|engine| count(*engine, of)).collect();
        format!("| {what} | {} | {reason} |\n", counts.join(" | "))
    };
    let rows = EXCEPTIONS.iter().map(|one| {
        let is_this = |cell| exception(cell).is_some_and(|found| std::ptr::eq(found, one));
        row(&pattern(one), one.reason, &is_this)
    });
    let rows: String = rows.collect();
    let unlisted = row("not listed", "", &|cell| exception(cell).is_none());
    let names: Vec<_> = Engine::ALL.iter().map(|engine| engine.name()).collect();
    format!("| which | {} | why |\n|---|--:|--:|--:|---|\n{rows}{unlisted}", names.join(" | "))
}

/// What an exception names, in words.
fn pattern(exception: &Exception) -> String {
    fn some<A: Axis>(values: &[A]) -> Option<String> {
        let names: Vec<_> = values.iter().map(|value| value.name()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
    let Exception { engines, faults, elements, nets, policies, is_by_chance, .. } = exception;
    let chance = is_by_chance.then(|| "now and then".to_owned());
    let elements = some(elements);
    let faults = if *faults == LOST { Some("all faults but slow and hangs".to_owned()) } else { some(faults) };
    let parts = [some(engines), elements, faults, some(nets), some(policies), chance];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The rules by which combinations are none, and how many each leaves out.
fn no_cells() -> String {
    let all = Selection::all();
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for group in all.groups() {
        for reason in combinations(group, &all.elements, &all.faults).into_iter().filter_map(why_no_cell) {
            match reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason, 1)),
            }
        }
    }
    let rows = reasons.iter().map(|(reason, count)| format!("| {count} | {reason} |\n"));
    format!("| combinations | why |\n|--:|---|\n{}", rows.collect::<String>())
}
