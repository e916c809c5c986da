//! `ftyp` and `styp`: the brands a file or segment follows (ISO/IEC 14496-12 §4.3, §8.16.2).

use super::{BoxRef, FourCc, Malformed, Writer};

/// Every brand named: the major one, then the compatible ones.
///
/// # Errors
///
/// The box has no major brand and version.
pub fn brands<'a>(found: &BoxRef<'a>) -> Result<impl Iterator<Item = FourCc> + use<'a>, Malformed> {
    let mut fields = found.fields();
    let major = fields.four_cc()?;
    fields.skip(4)?;
    let compatible = fields.rest().as_chunks::<4>().0;
    Ok(std::iter::once(major).chain(compatible.iter().copied().map(FourCc)))
}

/// Writes an `ftyp` with these brands, the first being the major one.
pub fn write(writer: &mut Writer, major: &[u8; 4], compatible: &[&[u8; 4]]) {
    writer.boxed(b"ftyp", |w| {
        w.put(major);
        w.u32(0);
        compatible.iter().for_each(|brand| w.put(*brand));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isobmff::boxes;

    #[test]
    fn brands_are_read_back() {
        let mut writer = Writer::default();
        write(&mut writer, b"iso6", &[b"cmfc", b"lmsg"]);
        let bytes = writer.finish();
        let found = boxes(&bytes).next().unwrap().unwrap();
        let names: Vec<String> = brands(&found).unwrap().map(|b| b.to_string()).collect();
        assert_eq!(names, ["iso6", "cmfc", "lmsg"]);
    }
}
