//! What does not hold in an engine, and why. A line that comes to hold must go: its test fails until it does.

use crate::browser::Engine;
use tightrope::serve::Fault;

/// What `faults` tells, in one engine and with one fault.
pub(crate) struct Exception {
    pub(crate) engine: Engine,
    pub(crate) fault: Fault,
    /// The line that its test tells.
    pub(crate) told: &'static str,
    #[allow(dead_code)]
    pub(crate) why: &'static str,
}

pub(crate) const EXCEPTIONS: &[Exception] = &[];
