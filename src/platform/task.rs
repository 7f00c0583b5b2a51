//! Futures, run for JavaScript: polled at once, and with a promise only where they have to wait.
//!
//! What `wasm-bindgen-futures` has for this polls each future from a microtask, also one that waits for nothing, and again for each
//! promise that it waited for. Here whatever ends the waiting polls.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use worker::js_sys::{Function, Promise};
use worker::wasm_bindgen::JsValue;

type Work = Pin<Box<dyn Future<Output = JsValue>>>;

/// A future that waits.
struct Task {
    /// Not there while it is polled.
    work: Option<Work>,
    /// Whether it was woken while it was polled.
    again: bool,
    /// What ends the promise.
    resolve: Option<Function>,
}

thread_local! {
    static TASKS: RefCell<HashMap<u64, Task>> = RefCell::default();
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Wakes a task by its number.
struct Woken {
    number: u64,
    /// Whether it was woken before it had to wait for the first time: it has no place among the tasks until then.
    early: AtomicBool,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if !TASKS.with_borrow(|tasks| tasks.contains_key(&self.number)) {
            self.early.store(true, Ordering::Relaxed);
            return;
        }
        let waker = Waker::from(Arc::clone(&self));
        if let Some(value) = poll(self.number, &waker)
            && let Some(task) = TASKS.with_borrow_mut(|tasks| tasks.remove(&self.number))
            && let Some(resolve) = task.resolve
        {
            // A promise's resolver has no way to fail.
            let _ = resolve.call1(&JsValue::UNDEFINED, &value);
        }
    }
}

/// Polls the task until it has to wait; its value once it has one.
fn poll(number: u64, waker: &Waker) -> Option<JsValue> {
    loop {
        let mut work = TASKS.with_borrow_mut(|tasks| {
            let task = tasks.get_mut(&number)?;
            // Woken by itself, deeper in the stack: whoever polls it looks again.
            task.again = task.work.is_none();
            task.work.take()
        })?;
        if let Poll::Ready(value) = work.as_mut().poll(&mut Context::from_waker(waker)) {
            return Some(value);
        }
        let again = TASKS.with_borrow_mut(|tasks| {
            let task = tasks.get_mut(&number)?;
            task.work = Some(work);
            Some(std::mem::take(&mut task.again))
        });
        if again != Some(true) {
            return None;
        }
    }
}

/// Runs it: its value, or a promise of it. A future doesn't fail; what may go wrong is in its value. One that waits for nothing
/// never becomes a task.
pub fn run(work: impl Future<Output = JsValue> + 'static) -> JsValue {
    let mut work: Work = Box::pin(work);
    let number = NEXT.replace(NEXT.get().wrapping_add(1));
    let woken = Arc::new(Woken { number, early: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&woken));
    loop {
        if let Poll::Ready(value) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        if !woken.early.swap(false, Ordering::Relaxed) {
            break;
        }
    }
    let mut work = Some(work);
    Promise::new(&mut |resolve, _| {
        let Some(work) = work.take() else { return };
        let task = Task { work: Some(work), again: false, resolve: Some(resolve) };
        TASKS.with_borrow_mut(|tasks| tasks.insert(number, task));
    })
    .into()
}
