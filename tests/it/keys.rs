//! The key pair: made once, kept, and refused with the name of the file where it cannot be used.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use discord_mcp_server::auth::Keys;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, RsaPrivateKey};
use serde_json::json;

use crate::support::discord::seed::GENERAL;
use crate::support::tokens::{PRIVATE, PUBLIC, SEAL_PRIVATE, SEAL_PUBLIC};
use crate::support::{App, tokens};

/// The folder of the keys in an otherwise empty one.
fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("deep/keys");
    (dir, keys)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Why these keys are refused.
fn refusal(dir: &Path) -> String {
    match Keys::load_or_create(dir) {
        Ok(_) => panic!("the keys were taken"),
        Err(error) => error.to_string(),
    }
}

fn names(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn key(bits: usize) -> RsaPrivateKey {
    RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).unwrap()
}

/// Writes the private half where `load_or_create` looks for it.
fn write_private(dir: &Path, key: &RsaPrivateKey) {
    let pem = key.to_pkcs8_pem(LineEnding::LF).unwrap();
    fs::write(dir.join(PRIVATE), pem.as_bytes()).unwrap();
}

fn write_public(dir: &Path, key: &RsaPrivateKey) {
    let pem = key.to_public_key().to_public_key_pem(LineEnding::LF);
    fs::write(dir.join(PUBLIC), pem.unwrap()).unwrap();
}

#[test]
fn the_first_start_makes_a_pair_that_only_its_owner_can_read() {
    let (_dir, keys) = folder();
    assert!(Keys::load_or_create(&keys).unwrap().created);
    assert_eq!(mode(&keys), 0o700);
    assert_eq!(mode(&keys.join(PRIVATE)), 0o600);
    let private = fs::read_to_string(keys.join(PRIVATE)).unwrap();
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let public = fs::read_to_string(keys.join(PUBLIC)).unwrap();
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    let key = RsaPrivateKey::from_pkcs8_pem(&private).unwrap();
    assert_eq!(key.n().bits(), 2048);
    assert_eq!(*key.e(), BigUint::from(65_537_u32));
    assert_eq!(mode(&keys.join(SEAL_PRIVATE)), 0o600);
    // No draft is left beside them.
    assert_eq!(names(&keys), [PRIVATE, PUBLIC, SEAL_PRIVATE, SEAL_PUBLIC]);
}

#[test]
fn the_next_start_takes_the_same_pair() {
    let (_dir, keys) = folder();
    let first = Keys::load_or_create(&keys).unwrap();
    let inode = |name: &str| fs::metadata(keys.join(name)).unwrap().ino();
    let inodes = (inode(PRIVATE), inode(PUBLIC));
    let second = Keys::load_or_create(&keys).unwrap();
    assert!(!second.created);
    assert_eq!(second.kid(), first.kid());
    assert_eq!((inode(PRIVATE), inode(PUBLIC)), inodes);
    // RFC 7638: SHA-256 in base64url.
    assert_eq!(first.kid().len(), 43);
}

/// So a minter that is called while the server makes its keys finds all of them.
#[test]
fn starts_at_once_agree_on_two_pairs_and_have_both() {
    let (_dir, keys) = folder();
    let start = || {
        let keys = Keys::load_or_create(&keys).unwrap();
        (keys.kid().to_owned(), keys.published().clone())
    };
    let all = std::thread::scope(|scope| {
        let starts = [(); 4].map(|()| scope.spawn(start));
        starts.map(|one| one.join().unwrap())
    });
    let next = start();
    // One to verify with, one to seal with.
    assert_eq!(next.1["keys"].as_array().unwrap().len(), 2);
    assert_eq!(all, [(); 4].map(|()| next.clone()));
}

#[tokio::test]
async fn a_public_key_alone_is_enough_to_verify() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(PUBLIC), tokens::public_pem()).unwrap();
    let app = App::with(&[("KEYS_DIR", dir.path().to_str().unwrap())]).await;
    let answer = app.invoke("get_channel_info", json!({"channel_id": GENERAL}));
    assert_eq!(answer.await.status, 200);
    assert!(!dir.path().join(PRIVATE).exists());
}

#[test]
fn a_private_key_alone_has_its_public_half_written_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(dir.path());
    let public = fs::read(dir.path().join(PUBLIC)).unwrap();
    fs::remove_file(dir.path().join(PUBLIC)).unwrap();
    let keys = Keys::load_or_create(dir.path()).unwrap();
    assert_eq!((keys.kid(), keys.created), (tokens::kid(), false));
    assert_eq!(fs::read(dir.path().join(PUBLIC)).unwrap(), public);
}

#[test]
fn halves_of_different_pairs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    tokens::install_keys(dir.path());
    write_public(dir.path(), &key(2048));
    let expected = format!(
        "{}: is not the public half of the private key beside it",
        dir.path().join(PUBLIC).display()
    );
    assert_eq!(refusal(dir.path()), expected);
}

#[test]
fn a_small_key_or_one_with_an_odd_exponent_is_refused() {
    let small = key(1024);
    let exponent = BigUint::from(3_u32);
    let odd = RsaPrivateKey::new_with_exp(&mut rsa::rand_core::OsRng, 2048, &exponent).unwrap();
    for (key, problem) in [
        (small, "holds a key of 1024 bits; allowed: 2048 to 8192"),
        (odd, "holds a key whose public exponent is not 65537"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        write_public(dir.path(), &key);
        let public = dir.path().join(PUBLIC);
        assert_eq!(
            refusal(dir.path()),
            format!("{}: {problem}", public.display())
        );
        write_private(dir.path(), &key);
        let private = dir.path().join(PRIVATE);
        assert_eq!(
            refusal(dir.path()),
            format!("{}: {problem}", private.display())
        );
    }
}

#[test]
fn what_is_no_key_is_refused_and_left_as_it_is() {
    let pair = tempfile::tempdir().unwrap();
    tokens::install_keys(pair.path());
    let private_pem = fs::read_to_string(pair.path().join(PRIVATE)).unwrap();
    let public_pem = String::from_utf8(tokens::public_pem().to_vec()).unwrap();
    let pkcs1 = private_pem.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let no_private = "is not an RSA private key in PKCS#8 PEM (`-----BEGIN PRIVATE KEY-----`)";
    let no_public = "is not an RSA public key in SPKI PEM (`-----BEGIN PUBLIC KEY-----`)";
    for (name, content, problem) in [
        (PRIVATE, "garbage", no_private),
        (PRIVATE, "", no_private),
        (PRIVATE, &*public_pem, no_private),
        (PRIVATE, &*pkcs1, no_private),
        (PRIVATE, &private_pem[..private_pem.len() / 2], no_private),
        (PUBLIC, "garbage", no_public),
        (PUBLIC, "", no_public),
        (PUBLIC, &*private_pem, no_public),
        (PUBLIC, &public_pem[..public_pem.len() / 2], no_public),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        assert_eq!(
            refusal(dir.path()),
            format!("{}: {problem}", path.display())
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refusal(&file);
    assert!(error.starts_with(&file.display().to_string()), "{error}");
    assert_eq!(error.lines().count(), 1);
    let keys = dir.path().join("keys");
    fs::create_dir_all(keys.join(PRIVATE)).unwrap();
    let expected = format!("{}: cannot be read: ", keys.join(PRIVATE).display());
    assert!(refusal(&keys).starts_with(&expected), "{}", refusal(&keys));
}
