//! Embeds the browser parts (the chat page) into the binary.
//!
//! They come from the folder named by `ZAISEKI_WEB_DIST`, else from `web/dist`, which npm makes here when it can. Without
//! either the server builds all the same: the table is empty, `WEB_BUILT` is false, and a warning says what is missing.

#[path = "build/web.rs"]
mod web;

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

/// Names the folder of ready-made browser parts, for machines without npm.
const DIST_VARIABLE: &str = "ZAISEKI_WEB_DIST";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed={DIST_VARIABLE}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build/web.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let files = match find_dist() {
        Ok(dist) => copy_tree(&dist, &out.join("web"))?,
        Err(missing) => {
            println!("cargo:warning=built without the chat page: {missing}");
            Vec::new()
        }
    };
    fs::write(out.join("web_assets.rs"), table(&files)?)?;
    Ok(())
}

/// The folder to embed, or why there is none.
fn find_dist() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(DIST_VARIABLE) {
        let named = PathBuf::from(named);
        println!("cargo:rerun-if-changed={}", named.display());
        if named.join("chat/index.html").is_file() {
            return Ok(named);
        }
        return Err(format!("{DIST_VARIABLE} names {}, where no chat/index.html is", named.display()));
    }
    let home = env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?;
    let web_dir = Path::new(&home).join("../../web");
    for name in web::INPUTS.iter().chain([&web::STAMP]) {
        println!("cargo:rerun-if-changed={}", web_dir.join(name).display());
    }
    web::ensure_dist(&web_dir).map_err(|cause| {
        let also = web::note_failure(&web_dir).err().map_or_else(String::new, |e| format!(" ({e})"));
        format!("{cause}{also}; run `cargo xtask web`, or name a folder of built files in {DIST_VARIABLE}")
    })
}

/// Copies every file below `from` to `to` (the build must not depend on a folder that may be cleaned), and returns their
/// paths relative to `to`, sorted, with `/`.
fn copy_tree(from: &Path, to: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        fs::create_dir_all(to.join(&folder))?;
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else {
                fs::copy(entry.path(), to.join(&path))?;
                let name = path.to_str().ok_or("a file name of the web folder is not UTF-8")?;
                files.push((name.replace('\\', "/"), to.join(&path)));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Rust source: whether there is anything, and one row per file: path, content, media type, entity tag.
fn table(files: &[(String, PathBuf)]) -> Result<String, Box<dyn Error>> {
    let mut source = String::from("/// Whether the build had the browser parts to embed.\n");
    writeln!(source, "pub const WEB_BUILT: bool = {};", !files.is_empty())?;
    source.push_str("static ASSETS: &[(&str, Asset)] = &[\n");
    for (name, path) in files {
        let mut hasher = DefaultHasher::new();
        fs::read(path)?.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        let media = media_type(name);
        writeln!(
            source,
            "    ({name:?}, Asset {{ bytes: include_bytes!({path:?}), content_type: {media:?}, etag: {etag:?} }}),"
        )?;
    }
    source.push_str("];\n");
    Ok(source)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/vnd.microsoft.icon",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "ttf" => "font/ttf",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
