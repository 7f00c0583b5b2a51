//! What stands behind the gate: the WebSocket after the upgrade.

pub mod echo;
