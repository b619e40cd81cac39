//! The files that prove to WeChat whose the domain is: `/MP_verify_….txt`, and `/WW_verify_….txt` of `WeCom`.
//!
//! WeChat asks for the file before it lets an account use the domain. The operator puts it into a directory; it is served
//! from there without a restart.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use actix_web::{HttpResponse, Resource, web};

use super::ApiError;
use crate::code::Code;

/// The names that are looked for, and no others.
const NAMES: &str = r"/{name:(MP|WW)_verify_[0-9A-Za-z]{16}\.txt}";
/// WeChat's files have 16 bytes.
const MAX_BYTES: u64 = 1024;

/// The directory of the files; it need not exist.
#[derive(Clone, Debug)]
pub struct Ownership(pub PathBuf);

/// The route; it finds [`Ownership`] in the app's data.
pub fn resource() -> Resource {
    web::resource(NAMES).get(serve)
}

async fn serve(
    directory: web::Data<Ownership>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let text = web::block(move || read(&directory.0, &name))
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or_else(|| ApiError::new(Code::NotFound))?;
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(text))
}

/// The file of that name, if it lies in the directory itself: a link may lead nowhere else.
fn read(directory: &Path, name: &str) -> io::Result<Vec<u8>> {
    let directory = directory.canonicalize()?;
    let path = directory.join(name).canonicalize()?;
    let found = fs::metadata(&path)?;
    if !path.starts_with(&directory) || !found.is_file() || found.len() > MAX_BYTES {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const NAME: &str = "MP_verify_0123456789abcDEF.txt";

    #[test]
    fn only_small_files_of_the_directory_are_read() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("verify");
        assert!(read(&directory, NAME).is_err(), "it need not exist");
        fs::create_dir(&directory).unwrap();
        assert!(read(&directory, NAME).is_err());
        let file = directory.join(NAME);
        fs::write(&file, "0123456789abcDEF").unwrap();
        assert_eq!(read(&directory, NAME).unwrap(), b"0123456789abcDEF");
        fs::write(&file, vec![b'a'; 1025]).unwrap();
        assert!(read(&directory, NAME).is_err(), "too big");

        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(read(&directory, NAME).is_err(), "a directory");
        fs::remove_dir(&file).unwrap();
        fs::write(root.path().join("key"), "secret").unwrap();
        symlink(root.path().join("key"), &file).unwrap();
        assert!(read(&directory, NAME).is_err(), "led outside");
        fs::remove_file(&file).unwrap();
        fs::write(directory.join("mounted"), "0123456789abcDEF").unwrap();
        symlink("mounted", &file).unwrap();
        assert!(read(&directory, NAME).is_ok(), "as mounted volumes have it");
    }
}
