//! What is known of the cells, in a file.

use super::axes::{Axis, Cell, Group};
use super::load::Outcome;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// What runs found, the latest of each cell.
pub(crate) struct Cells {
    file: PathBuf,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Cells {
    /// What earlier runs found, of cells that there still are.
    pub(crate) fn read(file: &str) -> Self {
        let text = fs::read(file).unwrap_or_else(|_| b"[]".to_vec());
        let list: Value = serde_json::from_slice(&text).expect("JSON");
        let outcomes = list.as_array().into_iter().flatten().filter_map(parsed).collect();
        Self { file: file.into(), outcomes }
    }

    /// Takes these for what holds now, and writes all down.
    pub(crate) fn take(&mut self, outcomes: Vec<Outcome>) {
        self.outcomes.retain(|old| outcomes.iter().all(|new| new.cell != old.cell));
        self.outcomes.extend(outcomes);
        let lines: Vec<_> = self.outcomes.iter().map(|outcome| written(outcome).to_string()).collect();
        fs::create_dir_all(self.file.parent().expect("a directory")).expect("a directory");
        fs::write(&self.file, format!("[\n{}\n]\n", lines.join(",\n"))).expect("the file");
    }
}

fn written(Outcome { cell, told }: &Outcome) -> Value {
    json!({
        "engine": cell.group.engine.name(),
        "fault": cell.fault.name(),
        "element": cell.element.name(),
        "net": cell.group.net.name(),
        "policy": cell.group.policy.name(),
        "holds": told.is_empty(),
        "told": told,
    })
}

fn parsed(value: &Value) -> Option<Outcome> {
    let group = Group { engine: on(value, "engine")?, net: on(value, "net")?, policy: on(value, "policy")? };
    let cell = Cell { group, fault: on(value, "fault")?, element: on(value, "element")? };
    let told = value["told"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Some(Outcome { cell, told })
}

/// Where it is on an axis.
fn on<A: Axis>(value: &Value, axis: &str) -> Option<A> {
    let name = value[axis].as_str()?;
    A::ALL.iter().copied().find(|value| value.name() == name)
}
