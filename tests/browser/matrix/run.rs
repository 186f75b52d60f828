//! Which cells are loaded, two browsers at a time, and whether the list of exceptions is right about them.

use super::axes::{Axis, Cell, Element, Group, NETS, Net, Policy, why_no_cell};
use super::exceptions::exception;
use super::load::{Loader, Outcome};
use crate::browser::Engine;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tightrope::serve::Fault;
use tokio::runtime::Runtime;

/// How many browsers run at once.
const BROWSERS: usize = 2;

/// What is to be loaded: all combinations of these values.
#[derive(Clone)]
pub(crate) struct Selection {
    pub(crate) engines: Vec<Engine>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) elements: Vec<Element>,
    pub(crate) nets: Vec<Net>,
    pub(crate) policies: Vec<Policy>,
}

impl Selection {
    /// All of it.
    pub(crate) fn all() -> Self {
        Self {
            engines: Engine::ALL.to_vec(),
            faults: <Fault as Axis>::ALL.to_vec(),
            elements: Element::ALL.to_vec(),
            nets: NETS.to_vec(),
            policies: Policy::ALL.to_vec(),
        }
    }

    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut groups = Vec::new();
        for &engine in &self.engines {
            for &policy in &self.policies {
                groups.extend(self.nets.iter().map(|&net| Group { engine, net, policy }));
            }
        }
        groups
    }

    /// Those of a group, also what is no cell.
    pub(crate) fn combinations(&self, group: Group) -> impl Iterator<Item = Cell> {
        let elements = self.elements.iter();
        elements.flat_map(move |&element| self.faults.iter().map(move |&fault| Cell { group, fault, element }))
    }

    fn cells(&self, group: Group) -> Vec<Cell> {
        self.combinations(group).filter(|cell| why_no_cell(*cell).is_none()).collect()
    }
}

/// Loads what is selected of a group.
pub(crate) async fn group(selection: &Selection, group: Group) -> Vec<Outcome> {
    let cells = selection.cells(group);
    let mut outcomes = Vec::new();
    if !cells.is_empty() {
        let mut loader = Loader::start(group).await;
        for cell in cells {
            outcomes.push(loader.outcome(cell).await);
        }
    }
    outcomes
}

/// Loads all that is selected, and says of each group what came of it.
pub(crate) fn whole(selection: &Selection, mut each: impl FnMut(Group, Vec<Outcome>)) {
    // The servers run here. A browser is waited for on a thread of its own.
    let runtime = Runtime::new().expect("a runtime");
    let groups = Mutex::new(selection.groups().into_iter());
    let (told, outcomes) = channel();
    thread::scope(|scope| {
        for _ in 0..BROWSERS {
            let (told, groups, runtime) = (told.clone(), &groups, &runtime);
            scope.spawn(move || work(selection, groups, runtime, &told));
        }
        drop(told);
        for (group, outcomes) in outcomes {
            each(group, outcomes);
        }
    });
}

fn work(
    selection: &Selection,
    groups: &Mutex<impl Iterator<Item = Group>>,
    runtime: &Runtime,
    told: &Sender<(Group, Vec<Outcome>)>,
) {
    loop {
        let next = groups.lock().expect("the other thread is well").next();
        let Some(next) = next else { return };
        let _ = told.send((next, runtime.block_on(group(selection, next))));
    }
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
        Wrong::Unlisted => format!("{names}: fails, and is not listed: {faults}\n    {}", first.told.join("\n    ")),
        Wrong::Holds => {
            let reason = exception(first.cell).map_or("", |exception| exception.reason);
            format!("{names}: holds, and is listed: {faults}\n    Take it off: {reason}")
        }
    }
}
