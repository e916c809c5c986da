//! From the three letters of `mdhd` to the tag that playlists want.

/// Codes of ISO 639-2, terminological and bibliographic, that have a two-letter code in ISO 639-1.
const TWO_LETTERS: &str = "
aar:aa abk:ab ave:ae afr:af aka:ak amh:am arg:an ara:ar asm:as ava:av aym:ay aze:az bak:ba bel:be
bul:bg bih:bh bis:bi bam:bm ben:bn bod:bo tib:bo bre:br bos:bs cat:ca che:ce cha:ch cos:co cre:cr
ces:cs cze:cs chu:cu chv:cv cym:cy wel:cy dan:da deu:de ger:de div:dv dzo:dz ewe:ee ell:el gre:el
eng:en epo:eo spa:es est:et eus:eu baq:eu fas:fa per:fa ful:ff fin:fi fij:fj fao:fo fra:fr fre:fr
fry:fy gle:ga gla:gd glg:gl grn:gn guj:gu glv:gv hau:ha heb:he hin:hi hmo:ho hrv:hr hat:ht hun:hu
hye:hy arm:hy her:hz ina:ia ind:id ile:ie ibo:ig iii:ii ipk:ik ido:io isl:is ice:is ita:it iku:iu
jpn:ja jav:jv kat:ka geo:ka kon:kg kik:ki kua:kj kaz:kk kal:kl khm:km kan:kn kor:ko kau:kr kas:ks
kur:ku kom:kv cor:kw kir:ky lat:la ltz:lb lug:lg lim:li lin:ln lao:lo lit:lt lub:lu lav:lv mlg:mg
mah:mh mri:mi mao:mi mkd:mk mac:mk mal:ml mon:mn mar:mr msa:ms may:ms mlt:mt mya:my bur:my nau:na
nob:nb nde:nd nep:ne ndo:ng nld:nl dut:nl nno:nn nor:no nbl:nr nav:nv nya:ny oci:oc oji:oj orm:om
ori:or oss:os pan:pa pli:pi pol:pl pus:ps por:pt que:qu roh:rm run:rn ron:ro rum:ro rus:ru kin:rw
san:sa srd:sc snd:sd sme:se sag:sg sin:si slk:sk slo:sk slv:sl smo:sm sna:sn som:so sqi:sq alb:sq
srp:sr ssw:ss sot:st sun:su swe:sv swa:sw tam:ta tel:te tgk:tg tha:th tir:ti tuk:tk tgl:tl tsn:tn
ton:to tur:tr tso:ts tat:tt twi:tw tah:ty uig:ug ukr:uk urd:ur uzb:uz ven:ve vie:vi vol:vo wln:wa
wol:wo xho:xh yid:yi yor:yo zha:za zho:zh chi:zh zul:zu";

/// The BCP 47 tag for a code of ISO 639-2: two letters where there are two (RFC 5646 §4.5), since
/// players compare it with the system's languages. `None` for `und`, `mis`: no language is known.
pub(crate) fn tag(code: [u8; 3]) -> Option<String> {
    let code = std::str::from_utf8(&code).ok()?;
    if matches!(code, "und" | "mis") {
        return None;
    }
    let short = TWO_LETTERS
        .split_ascii_whitespace()
        .filter_map(|pair| pair.split_once(':'))
        .find_map(|(three, two)| (three == code).then_some(two));
    Some(short.unwrap_or(code).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_where_there_are_two() {
        assert_eq!(tag(*b"eng").as_deref(), Some("en"));
        assert_eq!(tag(*b"fre").as_deref(), Some("fr"));
        assert_eq!(tag(*b"fra").as_deref(), Some("fr"));
        assert_eq!(tag(*b"gsw").as_deref(), Some("gsw"));
        assert_eq!(tag(*b"mul").as_deref(), Some("mul"));
        assert_eq!(tag(*b"und"), None);
    }

    #[test]
    fn every_entry_is_a_pair_of_codes() {
        for pair in TWO_LETTERS.split_ascii_whitespace() {
            let (three, two) = pair.split_once(':').unwrap();
            assert_eq!((three.len(), two.len()), (3, 2), "{pair}");
        }
    }
}
