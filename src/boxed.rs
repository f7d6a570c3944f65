//! Futures in boxes, made where they stay.

use std::pin::Pin;

/// The future that `make` makes, in a box. `Box::pin` would make it on the stack and copy it from there,
/// with all the room that it needs only later: some kilobytes for each of a call's.
pub(crate) fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::into_pin(Box::write(Box::new_uninit(), make()))
}
