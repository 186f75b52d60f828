//! The table in docs/matrix.md.

use super::cells::Cells;

pub(crate) fn table(_cells: &Cells, _date: &str) -> String {
    String::new()
}
