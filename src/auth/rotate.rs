//! Rotation: the next pairs are made, then put to use, then the last ones are done with. Between
//! any two steps, and if one is cut off, the folder is one that servers and minters can work with.

use std::path::Path;

use super::key_files::{KeyError, PrivateKey, PublicKey, exists, names, problem, remove, rename};
use super::keys::Pair;

const NEXT: &str = ".next";
/// How the names of keys begin that only old tokens need.
const OLD: &str = ".old-";
/// How much of a `kid` stands in the name of such a key.
const KID_PART: usize = 8;

/// Makes the next pairs beside those in use. Servers that are told of them accept and open what
/// will be minted with them; nothing is minted with them yet.
///
/// # Errors
/// Where there are next ones already, or the folder cannot be written.
pub fn make_next(dir: &Path) -> Result<(), KeyError> {
    for pair in Pair::ALL {
        for path in [pair.private(dir, NEXT), pair.public(dir, NEXT)] {
            if exists(&path)? {
                return Err(problem(
                    &path,
                    "exists: a rotation is under way; go on with `rotate-keys --promote`, or remove the files that have `.next` in their names",
                ));
            }
        }
    }
    for pair in Pair::ALL {
        let path = pair.private(dir, NEXT);
        PrivateKey::create(dir, &path)?;
        if let Some(key) = PrivateKey::read(&path)? {
            key.public.publish(&pair.public(dir, NEXT))?;
        }
    }
    Ok(())
}

/// Puts the next pairs to use. What the last ones signed is still accepted, and what they sealed
/// still opened; they themselves sign and seal no more.
///
/// # Errors
/// Where there are no next ones, or the folder cannot be written.
pub fn promote(dir: &Path) -> Result<(), KeyError> {
    let here = names(dir)?;
    if !here.iter().any(|name| name.contains(NEXT)) {
        return Err(problem(
            dir,
            "holds no next keys: make them with `rotate-keys` first",
        ));
    }
    // Each step leaves whole pairs, or a half whose other half stands under another name.
    let (public, next) = (Pair::Jwt.public(dir, ""), Pair::Jwt.public(dir, NEXT));
    if exists(&next)? {
        if exists(&public)? {
            let old = format!("{OLD}{}", part(&PublicKey::read(&public)?.kid));
            rename(&public, &Pair::Jwt.public(dir, &old))?;
        }
        rename(&next, &public)?;
    }
    let (private, next) = (Pair::Jwt.private(dir, ""), Pair::Jwt.private(dir, NEXT));
    if exists(&next)? {
        rename(&next, &private)?;
    }
    let (private, next) = (Pair::Seal.private(dir, ""), Pair::Seal.private(dir, NEXT));
    if exists(&next)? {
        if let Some(key) = PrivateKey::read(&private)? {
            let old = format!("{OLD}{}", part(&key.public.kid));
            rename(&private, &Pair::Seal.private(dir, &old))?;
        }
        rename(&next, &private)?;
    }
    let (public, next) = (Pair::Seal.public(dir, ""), Pair::Seal.public(dir, NEXT));
    if exists(&next)? {
        rename(&next, &public)?;
    }
    Ok(())
}

/// Removes the keys that only old tokens need. Those tokens are refused from then on.
///
/// # Errors
/// Where there are none, or the folder cannot be written.
pub fn retire(dir: &Path) -> Result<Vec<String>, KeyError> {
    let mut old = names(dir)?;
    old.retain(|name| {
        let of_pair = |pair: &Pair| name.starts_with(&format!("{}{OLD}", pair.name()));
        name.ends_with(".pem") && Pair::ALL.iter().any(of_pair)
    });
    if old.is_empty() {
        return Err(problem(
            dir,
            "holds no old keys: there are some after `rotate-keys --promote`",
        ));
    }
    for name in &old {
        remove(&dir.join(name))?;
    }
    Ok(old)
}

fn part(kid: &str) -> &str {
    kid.get(..KID_PART).unwrap_or(kid)
}
