//! From the text of a bearer to the [`Principal`] that it stands for, and from a bot token to a
//! bearer: keys, claims, verification, minting. The JWT's text goes no further than this module.

mod bearer;
mod claims;
mod keys;
mod mint;
mod scope;
mod verify;

pub use bearer::bearer;
pub use keys::{KeyError, Keys, secret_file};
pub use mint::{Grant, MintError, Minted, mint};
pub use scope::{Scope, Scopes};
pub use verify::{Credential, OwnBearer, Principal, Rejection, Verifier};
