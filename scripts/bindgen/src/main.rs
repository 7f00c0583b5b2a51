//! `ws-ticket-bindgen <wasm> <folder>`: what `wasm-bindgen` does with the flags that `worker-build` gives it (`--target module
//! --experimental-reset-state-function --force-enable-abort-handler --no-typescript --out-name index`). The command line itself
//! is three times as many crates to compile, and `worker-build` four times.

use anyhow::Context;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (wasm, folder) = (arguments.next().context("no wasm")?, arguments.next().context("no folder")?);
    let mut bindgen = Bindgen::new();
    bindgen.module(true)?.typescript(false).input_path(wasm).out_name("index");
    bindgen.reset_state_function(true).force_enable_abort_handler(true);
    bindgen.generate(folder)
}
