//! All of the matrix, or what was chosen of it, several browsers at a time.

use super::axes::{Axis, Element, Group, Net, Policy};
use super::load::Outcome;
use super::run;
use crate::browser::Engine;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tightrope::serve::Fault;
use tokio::runtime::Runtime;

/// What is to be loaded: all combinations of these values.
pub(crate) struct Selection {
    pub(crate) engines: Vec<Engine>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) elements: Vec<Element>,
    pub(crate) nets: Vec<Net>,
    pub(crate) policies: Vec<Policy>,
    /// How many browsers run at once. They wait most of the time.
    pub(crate) browsers: usize,
}

impl Selection {
    pub(crate) fn all() -> Self {
        Self {
            engines: Engine::ALL.to_vec(),
            faults: <Fault as Axis>::ALL.to_vec(),
            elements: Element::ALL.to_vec(),
            nets: Net::ALL.to_vec(),
            policies: Policy::ALL.to_vec(),
            browsers: 3,
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
}

/// Loads all that is selected, and says of each group what came of it.
pub(crate) fn whole(selection: &Selection, mut each: impl FnMut(Group, Vec<Outcome>)) {
    // The servers run here. A browser is waited for on a thread of its own.
    let runtime = Runtime::new().expect("a runtime");
    let groups = Mutex::new(selection.groups().into_iter());
    let (told, outcomes) = channel();
    thread::scope(|scope| {
        for _ in 0..selection.browsers {
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
        let Some(group) = next else { return };
        let outcomes = runtime.block_on(run::group(group, &selection.elements, &selection.faults));
        let _ = told.send((group, outcomes));
    }
}
