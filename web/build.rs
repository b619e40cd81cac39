//! The build script: writes the files of `web/` that are for browsers as they will be served, scripts and documents small,
//! everything plain and packed, in a folder for each coding. `src/http/assets.rs` embeds them.

use std::{
    env,
    error::Error,
    ffi::OsStr,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use oxc::{
    allocator::Allocator,
    codegen::{Codegen, CodegenOptions},
    mangler::{MangleOptions, MangleOptionsKeepNames, Mangler},
    parser::Parser,
    span::SourceType,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let served = Path::new(&env::var("OUT_DIR")?).join("web");
    if served.exists() {
        fs::remove_dir_all(&served)?;
    }
    fs::create_dir_all(&served)?;
    // A checkout without `web/` still builds; its pages are 404.
    let documents = ["openapi.json", "asyncapi.json", "asyncapi.yaml"];
    let pages = ["index.html", "app.html", "docs.html"];
    for name in pages.iter().chain(&documents).chain(&["src"]) {
        println!("cargo::rerun-if-changed=web/{name}");
        for file in files(&Path::new("web").join(name))? {
            write(&file, &served).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    Ok(())
}

/// All files at and below `path`.
fn files(path: &Path) -> Outcome<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(path.exists().then(|| path.to_owned()).into_iter().collect());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        found.extend(files(&entry?.path())?);
    }
    Ok(found)
}

/// Writes a file of `web/` below `served`, once for each coding.
fn write(file: &Path, served: &Path) -> Outcome<()> {
    let whole = fs::read(file)?;
    let small = match file.extension().and_then(OsStr::to_str) {
        Some("js") => small_script(str::from_utf8(&whole)?)?.into_bytes(),
        // Written line by line, and no string has a line's end.
        Some("json") => str::from_utf8(&whole)?
            .lines()
            .map(str::trim_start)
            .collect::<String>()
            .into_bytes(),
        // Types are for those who write programs.
        Some("ts") => return Ok(()),
        _ => whole,
    };
    for (coding, coded) in [
        ("br", brotli(&small)?),
        ("gzip", gzip(&small)?),
        ("identity", small),
    ] {
        let to = served.join(coding).join(file.strip_prefix("web")?);
        fs::create_dir_all(to.parent().ok_or("a file without a folder")?)?;
        fs::write(to, coded)?;
    }
    Ok(())
}

/// The module without comments and blanks, its inner names short. Classes keep theirs: consoles show them.
fn small_script(module: &str) -> Outcome<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, module, SourceType::mjs()).parse();
    if let Some(wrong) = parsed.diagnostics.into_iter().next() {
        return Err(wrong.to_string().into());
    }
    let keep_names = MangleOptionsKeepNames {
        class: true,
        ..MangleOptionsKeepNames::default()
    };
    let short = Mangler::new()
        .with_options(MangleOptions {
            keep_names,
            ..MangleOptions::default()
        })
        .build(&parsed.program);
    let printed = Codegen::new()
        .with_options(CodegenOptions::minify())
        .with_scoping(Some(short.scoping))
        .with_private_member_mappings(Some(short.class_private_mappings))
        .build(&parsed.program);
    Ok(printed.code)
}

fn brotli(text: &[u8]) -> Outcome<Vec<u8>> {
    let mut packed = Vec::new();
    brotli::BrotliCompress(
        &mut &*text,
        &mut packed,
        &brotli::enc::BrotliEncoderParams::default(),
    )?;
    Ok(packed)
}

fn gzip(text: &[u8]) -> Outcome<Vec<u8>> {
    let mut packing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packing.write_all(text)?;
    Ok(packing.finish()?)
}
