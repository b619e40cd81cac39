//! Keys on disk: made once, atomically, and never shared with other accounts of the machine.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::keys::{KeyError, new_pkcs8};
use crate::ids;

const SIGNING: &str = "signing.pem";
const DERIVATION: &str = "derivation.key";

/// No key file is longer, in bytes.
const MAX_BYTES: u64 = 4096;

/// The signing key's PEM and the derivation secret.
pub(super) fn load_or_make(dir: &Path) -> Result<(SecretString, SecretBox<[u8; 32]>), KeyError> {
    make_dir(dir).map_err(|source| io_error(dir, source))?;
    refuse_open_dir(dir)?;
    let signing = dir.join(SIGNING);
    let pem = read_or_make(&signing, new_signing_pem)?;
    if jsonwebtoken::EncodingKey::from_ed_pem(pem.expose_secret().as_bytes()).is_err() {
        return Err(refused(
            &signing,
            "not an Ed25519 private key in PKCS#8 PEM (openssl genpkey -algorithm ed25519)",
        ));
    }
    let derivation = dir.join(DERIVATION);
    let text = read_or_make(&derivation, || Ok(new_secret()))?;
    let secret = ids::from_base64url(text.expose_secret().trim_end())
        .ok_or_else(|| refused(&derivation, "not 32 bytes in base64url without padding"))?;
    Ok((pem, SecretBox::new(Box::new(secret))))
}

fn new_signing_pem() -> Result<SecretString, KeyError> {
    // 48 bytes: one line of 64 characters, as RFC 7468 wants them.
    let body = STANDARD.encode(new_pkcs8()?.expose_secret());
    Ok(format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n").into())
}

fn new_secret() -> SecretString {
    format!("{}\n", ids::base64url(&ids::random::<32>())).into()
}

/// The file's text; when there is no file, what `make` gives becomes it.
///
/// Whole or not at all: the text goes to a file of another name, and a hard link gives it this one unless
/// somebody else was first; then theirs is read.
fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<SecretString, KeyError>,
) -> Result<SecretString, KeyError> {
    match read(path) {
        Err(KeyError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        found => return found,
    }
    let draft = path.with_extension(format!("{}.new", ids::hex(&ids::random::<8>())));
    let text = make()?;
    let placed = write_new(&draft, text.expose_secret()).and_then(|()| fs::hard_link(&draft, path));
    // Whatever became of it, the draft has done its work.
    let _ = fs::remove_file(&draft);
    match placed {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(io_error(path, error)),
        _ => {
            sync_dir_of(path).map_err(|error| io_error(path, error))?;
            read(path)
        }
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes the name last, where directories can be opened.
fn sync_dir_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if cfg!(unix) => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<SecretString, KeyError> {
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    let meta = file.metadata().map_err(|source| io_error(path, source))?;
    if let Some(mode) = mode(&meta).filter(|mode| mode & 0o077 != 0) {
        return Err(refused(
            path,
            &format!(
                "others than its owner may touch it (mode {mode:04o}); run: chmod 600 {}",
                path.display()
            ),
        ));
    }
    let mut text = String::new();
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|source| io_error(path, source))?;
    Ok(text.into())
}

fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Who can write the directory can put other keys there; with the sticky bit only owners can replace a file.
fn refuse_open_dir(dir: &Path) -> Result<(), KeyError> {
    let meta = fs::metadata(dir).map_err(|source| io_error(dir, source))?;
    match mode(&meta) {
        Some(mode) if mode & 0o022 != 0 && mode & 0o1000 == 0 => Err(refused(
            dir,
            &format!(
                "others than its owner may write it (mode {mode:04o}); run: chmod 700 {}",
                dir.display()
            ),
        )),
        _ => Ok(()),
    }
}

/// The permission bits, where there are any.
#[cfg(unix)]
fn mode(meta: &fs::Metadata) -> Option<u32> {
    Some(std::os::unix::fs::MetadataExt::mode(meta) & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<u32> {
    None
}

fn io_error(path: &Path, source: io::Error) -> KeyError {
    let path = path.display().to_string();
    KeyError::Io { path, source }
}

fn refused(path: &Path, problem: &str) -> KeyError {
    KeyError::Refused {
        path: path.display().to_string(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{os::unix::fs::PermissionsExt, sync::Barrier, thread};

    use super::*;
    use crate::token::Keys;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn refusal(dir: &Path) -> String {
        Keys::load_or_make(dir).err().unwrap().to_string()
    }

    #[test]
    fn keys_stay_and_belong_to_their_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("a/keys");
        let first = Keys::load_or_make(&dir).unwrap();
        let second = Keys::load_or_make(&dir).unwrap();
        assert_eq!(first.jwks(), second.jwks());
        assert_eq!(first.purpose("grant"), second.purpose("grant"));
        assert_eq!(mode_of(&dir), 0o700);
        let mut names: Vec<_> = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, [DERIVATION, SIGNING], "no drafts are left");
        for name in names {
            assert_eq!(mode_of(&dir.join(name)), 0o600);
        }
    }

    #[test]
    fn those_who_start_at_once_agree() {
        let home = tempfile::tempdir().unwrap();
        let barrier = Barrier::new(8);
        let sets: Vec<_> = thread::scope(|scope| {
            let started: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        let keys = Keys::load_or_make(home.path()).unwrap();
                        (keys.jwks(), keys.purpose("refresh"))
                    })
                })
                .collect();
            started.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(sets.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_remedy() {
        let home = tempfile::tempdir().unwrap();
        Keys::load_or_make(home.path()).unwrap();
        for name in [SIGNING, DERIVATION] {
            let path = home.path().join(name);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            let sentence = refusal(home.path());
            assert!(sentence.contains("mode 0640"), "{sentence}");
            assert!(sentence.contains("chmod 600"), "{sentence}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(refusal(home.path()).contains("chmod 700"));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        Keys::load_or_make(home.path()).unwrap();
        let derivation = home.path().join(DERIVATION);
        fs::write(&derivation, "short\n").unwrap();
        assert!(refusal(home.path()).contains("32 bytes"));
        assert_eq!(fs::read_to_string(&derivation).unwrap(), "short\n");
        fs::write(home.path().join(SIGNING), "").unwrap();
        assert!(refusal(home.path()).contains("Ed25519"));
    }
}
