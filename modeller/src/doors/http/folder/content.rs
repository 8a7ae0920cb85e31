//! Content types by the extension of a file's name.
//!
//! A table of what the web is made of, since browsers must not guess (`nosniff`); everything else is bytes to them whatever it
//! is called. Libraries for this bring a thousand types more, most of them nobody's, into each binary.

/// The content type of a file with this extension, without its dot.
pub(super) fn kind(extension: &str) -> &'static str {
    let lower = extension.to_ascii_lowercase();
    let found = KINDS.iter().find(|(_, extensions)| extensions.split(' ').any(|one| one == lower));
    found.map_or("application/octet-stream", |(kind, _)| kind)
}

/// Sources: the registry of IANA, <https://www.iana.org/assignments/media-types>.
const KINDS: &[(&str, &str)] = &[
    ("text/html; charset=utf-8", "html htm"),
    ("text/css; charset=utf-8", "css"),
    ("text/javascript; charset=utf-8", "js mjs cjs"),
    ("text/plain; charset=utf-8", "txt text log ini conf"),
    ("text/markdown; charset=utf-8", "md markdown"),
    ("text/csv; charset=utf-8", "csv"),
    ("text/tab-separated-values; charset=utf-8", "tsv"),
    ("text/calendar; charset=utf-8", "ics"),
    ("text/vcard; charset=utf-8", "vcf"),
    ("text/vtt; charset=utf-8", "vtt"),
    ("application/json", "json map"),
    ("application/ld+json", "jsonld"),
    ("application/geo+json", "geojson"),
    ("application/manifest+json", "webmanifest"),
    ("application/xml", "xml xsd"),
    ("application/xslt+xml", "xsl xslt"),
    ("application/xhtml+xml", "xhtml"),
    ("application/atom+xml", "atom"),
    ("application/rss+xml", "rss"),
    ("application/yaml", "yaml yml"),
    ("application/toml", "toml"),
    ("application/wasm", "wasm"),
    ("application/pdf", "pdf"),
    ("application/rtf", "rtf"),
    ("application/epub+zip", "epub"),
    ("application/zip", "zip"),
    ("application/gzip", "gz tgz"),
    ("application/zstd", "zst"),
    ("application/x-tar", "tar"),
    ("application/x-bzip2", "bz2"),
    ("application/x-7z-compressed", "7z"),
    ("application/msword", "doc"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.ms-powerpoint", "ppt"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/vnd.apple.mpegurl", "m3u8"),
    ("application/dash+xml", "mpd"),
    ("image/png", "png"),
    ("image/apng", "apng"),
    ("image/jpeg", "jpg jpeg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
    ("image/avif", "avif"),
    ("image/svg+xml", "svg"),
    ("image/x-icon", "ico"),
    ("image/bmp", "bmp"),
    ("image/tiff", "tif tiff"),
    ("image/heic", "heic"),
    ("image/jxl", "jxl"),
    ("font/woff2", "woff2"),
    ("font/woff", "woff"),
    ("font/ttf", "ttf"),
    ("font/otf", "otf"),
    ("font/collection", "ttc"),
    ("application/vnd.ms-fontobject", "eot"),
    ("audio/mpeg", "mp3"),
    ("audio/mp4", "m4a"),
    ("audio/aac", "aac"),
    ("audio/ogg", "ogg oga opus"),
    ("audio/wav", "wav"),
    ("audio/flac", "flac"),
    ("audio/webm", "weba"),
    ("audio/midi", "mid midi"),
    ("video/mp4", "mp4 m4v"),
    ("video/webm", "webm"),
    ("video/ogg", "ogv"),
    ("video/quicktime", "mov"),
    ("video/mp2t", "ts"),
    ("video/x-matroska", "mkv"),
    ("model/gltf+json", "gltf"),
    ("model/gltf-binary", "glb"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_say_what_a_file_is() {
        assert_eq!(kind("woff2"), "font/woff2");
        assert_eq!(kind("HTML"), "text/html; charset=utf-8");
        assert_eq!(kind("mjs"), "text/javascript; charset=utf-8");
        for other in ["", "exe", "html js", "php", "é"] {
            assert_eq!(kind(other), "application/octet-stream", "{other}");
        }
    }

    #[test]
    fn an_extension_means_one_thing() {
        let mut seen = HashSet::new();
        for (_, extensions) in KINDS {
            for extension in extensions.split(' ') {
                assert!(seen.insert(extension), "{extension} is there twice");
                assert!(extension.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
            }
        }
    }
}
