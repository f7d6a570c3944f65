//! From the text of a bearer to the [`Principal`] that it stands for, and from a bot token to a
//! bearer: keys, claims, verification, sealing, revocation, minting. The JWT's text goes no further
//! than this module.

mod bearer;
mod cache;
mod claims;
mod jwks;
mod key_files;
mod keys;
mod mint;
mod principal;
mod provider;
mod rejection;
mod revocation;
mod rotate;
mod scope;
mod seal;
mod show;
mod verify;

pub use bearer::bearer;
pub use key_files::{KeyError, secret_file};
pub use keys::Keys;
pub use mint::{Grant, MintError, Minted, mint};
pub use principal::{Barrier, Credential, Limits, OperatorLimits, Principal};
pub use provider::{Provider, ProviderConfig};
pub use rejection::Rejection;
pub use revocation::{Revocation, Revocations};
pub use rotate::{make_next, promote, retire};
pub use scope::{Scope, Scopes};
pub use show::{Carried, Shown, show};
pub use verify::{OwnBearer, Rules, Verifier};
