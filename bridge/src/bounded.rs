//! Work on what others made, with a limit on memory: a chat template can double a text with every step, a Parquet file
//! can lie about its sizes.
//!
//! In Rust an allocation that fails ends the process (here with a text), and an allocator may not unwind. So the work
//! is done by a thread beside the caller's, which counts what it allocates. Over the limit it stops inside the
//! allocator, for good, and the caller gets an error; what that thread holds is lost. Its stack is large, as values
//! that are nested a million times are dropped and compared by functions that call themselves.

use crate::caught;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Only the pages that are used cost memory.
const STACK_BYTES: usize = 1 << 30;

#[derive(Clone, Copy)]
pub struct Limits {
    /// Bytes held at one time, beyond those held at the beginning.
    pub held: i64,
    /// Bytes of all allocations: what a work may copy, and so how long it may take.
    pub in_total: i64,
}

/// Runs `work` under the limits. The caller waits, so work and result need not be `Send`; they must not lean on
/// thread-local values of the caller.
pub fn run<T>(what: &str, limits: Limits, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    WORKER.with_borrow_mut(|worker| {
        let slot = Worker::ready(worker);
        let mut result = None;
        let place = &mut result;
        let job: Box<dyn FnOnce() + '_> = Box::new(move || {
            let budget = Budget::begin(limits);
            *place = Some(caught(work));
            drop(budget);
        });
        // SAFETY: the job borrows from this function, which returns after the job has ended or stopped for good.
        slot.change(State::Work(unsafe { mem::transmute::<Box<dyn FnOnce() + '_>, Job>(job) }));
        if slot.ends_well() {
            return result.unwrap_or_else(|| Err("no result".into()));
        }
        STOPPED.fetch_add(1, Ordering::Relaxed);
        if let Some(mut stopped) = worker.take() {
            stopped.thread = None; // nobody can wait for it
        }
        mem::forget(result); // the stopped thread may be half way through writing it
        let held = limits.held >> 20;
        Err(format!("{what} needs more than {held} MiB of memory, or copies it around for ever"))
    })
}

static STOPPED: AtomicUsize = AtomicUsize::new(0);

/// How many works of this process were stopped at a limit; the memory that they held is lost.
pub fn stopped() -> usize {
    STOPPED.load(Ordering::Relaxed)
}

type Job = Box<dyn FnOnce() + Send>;

enum State {
    Idle,
    Work(Job),
    Done,
    OverLimit,
    Closed,
}

/// What a worker and its caller share.
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, to: State) {
        *self.lock() = to;
        self.changed.notify_all();
    }

    /// Waits for the end of the job; false when it went over its limit.
    fn ends_well(&self) -> bool {
        let mut state = self.lock();
        while !matches!(*state, State::Done | State::OverLimit) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        matches!(mem::replace(&mut *state, State::Idle), State::Done)
    }

    /// The next job; none when there will be no more.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            match mem::replace(&mut *state, State::Idle) {
                State::Work(job) => return Some(job),
                State::Closed => return None,
                other => *state = other,
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The thread that works for one other thread.
struct Worker {
    slot: Arc<Slot>,
    thread: Option<JoinHandle<()>>,
}

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

impl Worker {
    fn ready(worker: &mut Option<Worker>) -> Arc<Slot> {
        worker.get_or_insert_with(Worker::start).slot.clone()
    }

    fn start() -> Worker {
        let slot = Arc::new(Slot { state: Mutex::new(State::Idle), changed: Condvar::new() });
        let own = slot.clone();
        let serve = move || {
            SLOT.set(Arc::as_ptr(&own));
            while let Some(job) = own.next_job() {
                job();
                own.change(State::Done);
            }
        };
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(serve);
        let thread = thread.unwrap_or_else(|_| out_of_memory());
        Worker { slot, thread: Some(thread) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.slot.change(State::Closed);
            let _ = thread.join();
        }
    }
}

thread_local! {
    static SLOT: Cell<*const Slot> = const { Cell::new(std::ptr::null()) };
    /// What is left of the limits while a job runs on this thread.
    static LEFT: Cell<Option<Limits>> = const { Cell::new(None) };
}

/// The limits hold while it lives.
struct Budget;

impl Budget {
    fn begin(limits: Limits) -> Self {
        LEFT.set(Some(limits));
        Budget
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        LEFT.set(None);
    }
}

fn count(bytes: usize, freed: usize) {
    let Some(mut left) = LEFT.get() else {
        return;
    };
    left.held = left.held.saturating_sub_unsigned(bytes as u64).saturating_add_unsigned(freed as u64);
    left.in_total = left.in_total.saturating_sub_unsigned(bytes as u64);
    LEFT.set(Some(left));
    if left.held < 0 || left.in_total < 0 {
        stop();
    }
}

fn stop() -> ! {
    LEFT.set(None);
    // SAFETY: set before the thread's first job; the thread owns a share of the slot and never ends.
    unsafe { &*SLOT.get() }.change(State::OverLimit);
    loop {
        thread::park();
    }
}

extern "C" {
    fn write(file: i32, bytes: *const u8, count: usize) -> isize;
    fn _exit(code: i32) -> !;
}

/// The machine has no memory left, or none for a stack: no fault of what is being worked on, so no error of it. Ends the
/// process as a kill would, without a call that asks for memory.
#[cold]
fn out_of_memory() -> ! {
    const TEXT: &str = "keel: out of memory\n  \
                        wanted: more than this machine, its container or a limit (ulimit -v) gives\n  \
                        try:    fewer other programs, or a higher limit; a run goes on with --resume\n";
    // SAFETY: the text is as long as told.
    unsafe {
        write(2, TEXT.as_ptr(), TEXT.len());
        _exit(2)
    }
}

fn given(place: *mut u8) -> *mut u8 {
    if place.is_null() { out_of_memory() } else { place }
}

struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        given(System.alloc(layout))
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        given(System.alloc_zeroed(layout))
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(0, layout.size());
        System.dealloc(place, layout);
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count(bytes, layout.size());
        given(System.realloc(place, layout, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { held: 10 << 20, in_total: 100 << 20 };

    #[test]
    fn small_work_ends_and_its_panics_are_text() {
        assert_eq!(run("it", LIMITS, || Ok(vec![1u8; 9 << 20].len())), Ok(9 << 20));
        let refused: Result<(), String> = run("it", LIMITS, || Err("no".into()));
        assert_eq!(refused.unwrap_err(), "no");
        let panicked: Result<(), String> = run("it", LIMITS, || panic!("oh"));
        assert!(panicked.unwrap_err().contains("oh"));
    }

    #[test]
    fn memory_and_copying_are_limited_again_and_again() {
        let want = "it needs more than 10 MiB of memory, or copies it around for ever";
        for _ in 0..3 {
            assert_eq!(run("it", LIMITS, || Ok(vec![1u8; 11 << 20].len())).unwrap_err(), want);
            let freed = run("it", LIMITS, || (0..11).try_for_each(|_| Ok(drop(vec![1u8; 9 << 20]))));
            assert!(freed.is_ok());
            let copied = run("it", LIMITS, || (0..12).try_for_each(|_| Ok(drop(vec![1u8; 9 << 20]))));
            assert_eq!(copied.unwrap_err(), want);
            assert_eq!(run("it", LIMITS, || Ok(3)), Ok(3));
        }
    }

    #[test]
    fn absurd_sizes_do_not_end_the_process() {
        let absurd = run("it", LIMITS, || Ok(Vec::<u8>::with_capacity(1 << 60).len()));
        assert!(absurd.unwrap_err().contains("needs more than 10 MiB"));
    }

    #[test]
    fn deep_recursion_has_room() {
        fn deep(n: u64) -> u64 {
            let block = [n; 32];
            if n == 0 { 0 } else { 1 + deep(std::hint::black_box(block)[7] - 1) }
        }
        assert_eq!(run("it", LIMITS, || Ok(deep(1_000_000))), Ok(1_000_000));
    }
}
