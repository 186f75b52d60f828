//! What the writer promises, held against the system calls that it makes: strace counts them, and then kills the build
//! or lets the call fail at each of them, once for each.
//!
//! `PROMISES=all` asks for every call, every error and every kind of output (`scripts/promises`); without it, a part that
//! takes seconds. Without strace these tests fail: nothing would have been shown.

// What was counted is a table, which `scripts/promises` prints.
#![allow(clippy::print_stdout)]

mod crash;
mod lock;
mod no_space;
mod place;
mod racing_writer;
mod read_only;
mod strace;

/// Whether everything is asked for.
fn all() -> bool {
    std::env::var_os("PROMISES").is_some_and(|value| value == "all")
}

/// Does something for each of `items`, on as many threads as there are cores: what waits for strace is not the core.
fn for_each<T: Sync>(items: &[T], work: impl Fn(usize, &T) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    work(at, item);
                }
            });
        }
    });
}
