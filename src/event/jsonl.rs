//! A file with one event a line, or standard output.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use super::{Envelope, EventSink, Refusal};
use crate::tasks::Tasks;

/// The name that means standard output.
const STDOUT: &str = "-";

/// Appends to a file that may be renamed or removed at any time: it is opened for each batch.
pub struct Jsonl {
    path: PathBuf,
    tasks: Tasks,
}

impl Jsonl {
    /// `path`, or `-` for standard output. Disks may be slow, so `tasks` lends threads.
    pub const fn new(path: PathBuf, tasks: Tasks) -> Self {
        Self { path, tasks }
    }
}

#[async_trait]
impl EventSink for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    async fn deliver(&self, events: &[Envelope<'_>]) -> Vec<Result<(), Refusal>> {
        let mut lines = String::new();
        for event in events {
            lines.push_str(&event.json);
            lines.push('\n');
        }
        let path = self.path.clone();
        let written = self
            .tasks
            .spawn_blocking(move || write(&path, &lines))
            .await;
        let outcome = match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Refusal::Later(error.to_string())),
            Err(_panicked) => Err(Refusal::Later("writing panicked".to_owned())),
        };
        events.iter().map(|_| outcome.clone()).collect()
    }
}

fn write(path: &Path, lines: &str) -> io::Result<()> {
    if path == Path::new(STDOUT) {
        let mut output = io::stdout().lock();
        output.write_all(lines.as_bytes())?;
        return output.flush();
    }
    let mut file = open(path)?;
    if !file.metadata()?.is_file() {
        return file.write_all(lines.as_bytes());
    }
    end_broken_line(&mut file)?;
    file.write_all(lines.as_bytes())?;
    // What is marked as delivered is on the disk.
    file.sync_data()
}

/// Made where it is missing, for its owner only: addresses of people are in it.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).read(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Whoever was cut off in the middle of a line, by a full disk say, has left it without an end; the event comes again.
fn end_broken_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(id: &str) -> Envelope<'_> {
        Envelope {
            id,
            about: "u",
            kind: "scangate.user.created".to_owned(),
            json: format!(r#"{{"id":"{id}"}}"#),
        }
    }

    #[tokio::test]
    async fn a_file_may_be_renamed_and_a_broken_line_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let sink = Jsonl::new(path.clone(), Tasks::new());
        assert_eq!(
            sink.deliver(&[line("1"), line("2")]).await,
            [Ok(()), Ok(())]
        );
        fs::rename(&path, folder.path().join("events.jsonl.1")).unwrap();
        assert_eq!(sink.deliver(&[line("3")]).await, [Ok(())]);
        let mut file = open(&path).unwrap();
        file.write_all(b"{\"id\":\"4").unwrap();
        assert_eq!(sink.deliver(&[line("4")]).await, [Ok(())]);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"id\":\"3\"}\n{\"id\":\"4\n{\"id\":\"4\"}\n");
        let rotated = fs::read_to_string(folder.path().join("events.jsonl.1")).unwrap();
        assert_eq!(rotated, "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_written_refuses_all_and_is_never_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let sink = Jsonl::new(folder.path().join("no/such/folder"), Tasks::new());
        let refused = sink.deliver(&[line("1"), line("2")]).await;
        let is_later = |one: &Result<(), Refusal>| matches!(one, Err(Refusal::Later(_)));
        assert!(
            refused.len() == 2 && refused.iter().all(is_later),
            "{refused:?}"
        );
        let pauses = [1, 2, 5, 6, 1_000].map(|tries| sink.pause_after(tries).unwrap().as_secs());
        assert_eq!(pauses, [1, 2, 16, 30, 30]);
    }
}
