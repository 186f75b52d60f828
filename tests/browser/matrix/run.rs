//! The cells of a group, loaded one after the other, and whether the list of exceptions is right about them.

use super::axes::{Axis as _, Cell, Element, Group, why_no_cell};
use super::exceptions::exception;
use super::load::{Loader, Outcome};
use tightrope::serve::Fault;

/// All combinations of a group with these, also what is no cell.
pub(crate) fn combinations(group: Group, elements: &[Element], faults: &[Fault]) -> Vec<Cell> {
    let of = |element: Element| faults.iter().map(move |fault| Cell { group, fault: *fault, element });
    elements.iter().flat_map(|element| of(*element)).collect()
}

/// Loads all of these that are cells.
pub(crate) async fn group(group: Group, elements: &[Element], faults: &[Fault]) -> Vec<Outcome> {
    let mut cells = combinations(group, elements, faults);
    cells.retain(|cell| why_no_cell(*cell).is_none());
    let mut outcomes = Vec::new();
    if !cells.is_empty() {
        let mut loader = Loader::start(group).await;
        for cell in cells {
            outcomes.push(loader.outcome(cell).await);
        }
    }
    outcomes
}

/// What the list of exceptions is wrong about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It does not hold, and is not listed.
    Unlisted,
    /// It holds, and is listed.
    Holds,
}

fn wrong(outcome: &Outcome) -> Option<Wrong> {
    match (exception(outcome.cell), outcome.holds()) {
        (Some(listed), true) if !listed.is_by_chance => Some(Wrong::Holds),
        (None, false) => Some(Wrong::Unlisted),
        _ => None,
    }
}

/// In what the list of exceptions is wrong: of each element in each group, for which faults, and what was told of the
/// first.
pub(crate) fn complaints(outcomes: &[Outcome]) -> Vec<String> {
    let wrongs: Vec<_> = outcomes.iter().filter_map(|outcome| Some((outcome, wrong(outcome)?))).collect();
    let mut complaints = Vec::new();
    for (at, (first, wrong)) in wrongs.iter().enumerate() {
        let is_alike = |(other, how): &&(&Outcome, Wrong)| {
            how == wrong && other.cell == Cell { fault: other.cell.fault, ..first.cell }
        };
        if !wrongs[..at].iter().any(|earlier| is_alike(&earlier)) {
            let faults: Vec<_> = wrongs.iter().filter(is_alike).map(|(other, _)| other.cell.fault.name()).collect();
            complaints.push(complaint(first, *wrong, &faults.join(", ")));
        }
    }
    complaints
}

fn complaint(first: &Outcome, wrong: Wrong, faults: &str) -> String {
    let Group { engine, net, policy } = first.cell.group;
    let names = [engine.name(), net.name(), policy.name(), first.cell.element.name()].join(" | ");
    match wrong {
        Wrong::Unlisted => format!("{names}: fails, and is not listed: {faults}\n    {}", short(&first.told)),
        Wrong::Holds => {
            let reason = exception(first.cell).map_or("", |exception| exception.reason);
            format!("{names}: holds, and is listed: {faults}\n    Take it off: {reason}")
        }
    }
}

/// What is told, a line of each.
fn short(told: &[String]) -> String {
    told.iter().map(|line| line.chars().take(300).collect::<String>()).collect::<Vec<_>>().join("\n    ")
}
