//! What a panic tells. Nothing in the gate can panic; what it is made of may.

use std::panic;
use std::sync::Once;

use worker::js_sys::{Reflect, global};

/// Has panics tell their message and their stack to the console, once, in place of the hook that `worker` sets, and as that one
/// has its entry begin anew with fresh memory. Our own entry does so anyway.
pub fn tell() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            console_error_panic_hook::hook(info);
            if let Ok(state) = Reflect::get(&global(), &"__worker_init_state".into()) {
                let _ = Reflect::set(&state, &"criticalError".into(), &true.into());
            }
        }));
    });
}
