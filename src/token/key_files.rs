//! Files for one owner only: read with suspicion, written whole or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read, Write},
    path::Path,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};

use super::keys::KeyError;

/// No file is longer, in bytes.
const MAX_BYTES: u64 = 16_384;

/// Who has the lock needs it for milliseconds.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The directory of the keys, made for its owner only when it is not there.
pub(super) fn make_dir(dir: &Path) -> Result<(), KeyError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| io_error(dir, source))
}

/// Who can write the directory can put other keys there; with the sticky bit only owners can replace a file.
pub(super) fn refuse_open_dir(dir: &Path) -> Result<(), KeyError> {
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

/// The file's text; `None` when there is no file.
pub(super) fn read(path: &Path) -> Result<Option<SecretString>, KeyError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|source| io_error(path, source))?,
    };
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
    Ok(Some(text.into()))
}

/// Puts `text` in the place of whatever is there. Who calls has the lock: drafts have a fixed name.
pub(super) fn write(path: &Path, text: &SecretString) -> Result<(), KeyError> {
    let draft = path.with_extension("new");
    // One may be left of a process that was killed.
    let _ = fs::remove_file(&draft);
    let written = (|| {
        let mut file = private().create_new(true).open(&draft)?;
        belong_to_owner_of_dir(&file, path);
        file.write_all(text.expose_secret().as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        sync_dir_of(path)
    })();
    written.map_err(|source| io_error(path, source))
}

/// The right to write in the directory, until the file is dropped or the process ends.
pub(super) fn lock(path: &Path) -> Result<File, KeyError> {
    let file = private().create(true).truncate(false).open(path);
    let file = file.map_err(|source| io_error(path, source))?;
    belong_to_owner_of_dir(&file, path);
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(io_error(path, source)),
            Err(TryLockError::WouldBlock) => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "waiting for a file lock has no bound otherwise"
                )]
                std::thread::sleep(LOCK_PAUSE);
            }
        }
    }
    Err(refused(path, "another process has held the lock for 5 s"))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// What root writes on the command line is for the gateway's account to read.
fn belong_to_owner_of_dir(file: &File, path: &Path) {
    #[cfg(unix)]
    if let (Ok(meta), Some(Ok(dir))) = (file.metadata(), path.parent().map(fs::metadata)) {
        use std::os::unix::fs::{MetadataExt, fchown};
        if meta.uid() != dir.uid() {
            // Only root may; others who may write here are the owner, or are alone with their files.
            let _ = fchown(file, Some(dir.uid()), Some(dir.gid()));
        }
    }
}

/// Makes the name last, where directories can be opened.
fn sync_dir_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if cfg!(unix) => File::open(dir)?.sync_all(),
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

pub(super) fn io_error(path: &Path, source: io::Error) -> KeyError {
    let path = path.display().to_string();
    KeyError::Io { path, source }
}

pub(super) fn refused(path: &Path, problem: &str) -> KeyError {
    KeyError::Refused {
        path: path.display().to_string(),
        problem: problem.to_owned(),
    }
}
