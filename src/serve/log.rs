//! Who was asked for what, and what came of it.

use super::Fault;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which of the two homes was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// The site's own server.
    Origin,
    /// The CDN.
    Cdn,
}

impl Home {
    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Cdn => "cdn",
        }
    }
}

/// A request that arrived. None does while the CDN is [closed](Fault::Closed) or [unresolvable](Fault::Unresolvable).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Who was asked.
    pub home: Home,
    /// How: `GET` or `HEAD`, if it is to be answered.
    pub method: String,
    /// For what: the URL's path as it was sent, without the query.
    pub path: String,
    /// The URL's query as it was sent, without its question mark; empty where there is none.
    pub query: String,
    /// The fault that was applied.
    pub fault: Fault,
    /// The answer's status; `None` while there is no answer.
    pub status: Option<u16>,
    /// What the answer's `Content-Length` promises.
    pub length: Option<u64>,
    /// How many bytes of the answer's body have been given to the connection so far.
    pub bytes: u64,
}

/// The requests since the log was cleared, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    /// How many were forgotten.
    forgotten: usize,
    requests: Vec<Request>,
}

impl Log {
    /// A panic elsewhere leaves the list as usable as it was.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a request and numbers it.
    pub(super) fn add(&self, request: Request) -> usize {
        let mut entries = self.entries();
        entries.requests.push(request);
        entries.forgotten + entries.requests.len() - 1
    }

    /// Changes what is known of a request, unless that was forgotten.
    pub(super) fn update(&self, number: usize, change: impl FnOnce(&mut Request)) {
        let mut entries = self.entries();
        let index = number.checked_sub(entries.forgotten);
        if let Some(request) = index.and_then(|index| entries.requests.get_mut(index)) {
            change(request);
        }
    }

    /// The latest `most` requests, and the number of the first of them.
    pub(super) fn latest(&self, most: usize) -> (usize, Vec<Request>) {
        let entries = self.entries();
        let start = entries.requests.len().saturating_sub(most);
        (entries.forgotten + start, entries.requests[start..].to_vec())
    }

    pub(super) fn clear(&self) {
        let mut entries = self.entries();
        entries.forgotten += entries.requests.len();
        entries.requests.clear();
    }
}
