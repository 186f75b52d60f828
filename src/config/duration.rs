//! Durations as people type them.

/// `3s`, `2.5s` or `1500ms`, in whole milliseconds.
pub(super) fn milliseconds(text: &str) -> Option<u32> {
    if let Some(number) = text.strip_suffix("ms") {
        return whole(number);
    }
    let (seconds, part) = text.strip_suffix('s').map(|number| number.split_once('.').unwrap_or((number, "0")))?;
    let unit = [100, 10, 1].get(part.len().checked_sub(1)?)?;
    let part = whole(part)? * unit;
    whole(seconds)?.checked_mul(1000)?.checked_add(part)
}

/// Digits and nothing else: `parse` alone takes a plus sign.
fn whole(digits: &str) -> Option<u32> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_milliseconds_are_read() {
        for (text, read) in
            [("3s", 3000), ("1500ms", 1500), ("2.5s", 2500), ("0.75s", 750), ("0s", 0), ("1.005s", 1005)]
        {
            assert_eq!(milliseconds(text), Some(read), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_number_is_not_read() {
        for text in [
            "",
            "3",
            "s",
            "ms",
            "3 s",
            " 3s",
            "-1s",
            "+3s",
            "+3ms",
            "3S",
            "3m",
            "3sec",
            "1.s",
            ".5s",
            "1.5ms",
            "1.2.3s",
            "1.0005s",
            "5000000s",
            "99999999999ms",
            "\u{663}s",
        ] {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }
}
