//! Futures, run for JavaScript: polled at once, and with a promise only where they have to wait.
//!
//! What `wasm-bindgen-futures` has for this polls each future from a microtask, also one that waits for nothing, and again for each
//! promise that it waited for. Here whatever ends the waiting polls.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
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
    static NEXT: RefCell<u64> = const { RefCell::new(0) };
}

struct Woken(u64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        if let Some(value) = poll(self.0)
            && let Some(resolve) = TASKS.with_borrow_mut(|tasks| tasks.remove(&self.0)).and_then(|task| task.resolve)
        {
            // A promise's resolver has no way to fail.
            let _ = resolve.call1(&JsValue::UNDEFINED, &value);
        }
    }
}

/// Polls the task until it has to wait; its value once it has one.
fn poll(number: u64) -> Option<JsValue> {
    let waker = Waker::from(Arc::new(Woken(number)));
    loop {
        let mut work = TASKS.with_borrow_mut(|tasks| {
            let task = tasks.get_mut(&number)?;
            // Woken by itself, deeper in the stack: whoever polls it looks again.
            task.again = task.work.is_none();
            task.work.take()
        })?;
        if let Poll::Ready(value) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
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

/// Runs it: its value, or a promise of it. A future doesn't fail; what may go wrong is in its value.
pub fn run(work: impl Future<Output = JsValue> + 'static) -> JsValue {
    let number = NEXT.with_borrow_mut(|next| {
        *next = next.wrapping_add(1);
        *next
    });
    let task = Task { work: Some(Box::pin(work)), again: false, resolve: None };
    TASKS.with_borrow_mut(|tasks| tasks.insert(number, task));
    if let Some(value) = poll(number) {
        TASKS.with_borrow_mut(|tasks| tasks.remove(&number));
        return value;
    }
    Promise::new(&mut |resolve, _| {
        TASKS.with_borrow_mut(|tasks| {
            if let Some(task) = tasks.get_mut(&number) {
                task.resolve = Some(resolve);
            }
        });
    })
    .into()
}
