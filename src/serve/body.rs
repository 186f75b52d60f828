//! The body of an answer: all of it, or a part and what then happens.

use super::Shared;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::collections::VecDeque;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// How much a slow CDN sends at once, in bytes.
const DROP: usize = 1024;
/// How long it then rests.
const REST: Duration = Duration::from_millis(100);

/// What a body does next.
#[derive(Debug)]
enum Step {
    Send(Bytes),
    /// What was given before is written out when the body makes the connection wait, and not before.
    Flush,
    Rest,
    /// Nothing more, for ever.
    Stay,
    /// The end, whatever was promised.
    Break,
}

/// A body that is sent step by step, and counted.
#[derive(Debug)]
pub(super) struct Reply {
    steps: VecDeque<Step>,
    resting: Option<Pin<Box<Sleep>>>,
    /// Where the bytes are counted: the log, and the request's number in it.
    counted: Option<(Arc<Shared>, usize)>,
}

impl Reply {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::of([Step::Send(bytes.into())])
    }

    /// The first half, then nothing, with the connection open.
    pub(super) fn stuck(bytes: Vec<u8>) -> Self {
        Self::of([Step::Send(half(bytes)), Step::Flush, Step::Stay])
    }

    /// The first half, then the end of the connection.
    pub(super) fn short(bytes: Vec<u8>) -> Self {
        Self::of([Step::Send(half(bytes)), Step::Flush, Step::Break])
    }

    /// A steady trickle.
    pub(super) fn slow(bytes: Vec<u8>) -> Self {
        let bytes = Bytes::from(bytes);
        let drops = (0..bytes.len()).step_by(DROP);
        let steps = drops.flat_map(|at| {
            let piece = bytes.slice(at..bytes.len().min(at + DROP));
            let rest = (at > 0).then_some(Step::Rest);
            rest.into_iter().chain([Step::Send(piece)])
        });
        Self::of(steps)
    }

    fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), resting: None, counted: None }
    }

    /// The same, its bytes counted.
    pub(super) fn counted(self, shared: &Arc<Shared>, number: usize) -> Self {
        Self { counted: Some((Arc::clone(shared), number)), ..self }
    }

    fn count(&self, bytes: usize) {
        if let Some((shared, number)) = &self.counted {
            shared.log.update(*number, |request| request.bytes += bytes as u64);
        }
    }

    fn is_rested(&mut self, context: &mut Context<'_>) -> bool {
        let pending = self.resting.as_mut().is_some_and(|rest| rest.as_mut().poll(context).is_pending());
        if !pending {
            self.resting = None;
        }
        !pending
    }
}

fn half(mut bytes: Vec<u8>) -> Bytes {
    bytes.truncate(bytes.len() / 2);
    bytes.into()
}

/// Says nothing of its length: the header promises the whole, and hyper compares the two.
impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if !self.is_rested(context) {
                return Poll::Pending;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => {
                    self.count(bytes.len());
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Flush) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Rest) => self.resting = Some(Box::pin(sleep(REST))),
                Some(Step::Stay) => {
                    self.steps.push_front(Step::Stay);
                    return Poll::Pending;
                }
                Some(Step::Break) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
