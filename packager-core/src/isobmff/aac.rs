//! AudioSpecificConfig: what an AAC decoder will put out (ISO/IEC 14496-3 §1.6.2.1).

use super::bits::Bits;

/// What an AudioSpecificConfig says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    /// The audio object type: 2 is AAC-LC, 5 HE-AAC, 29 HE-AAC v2, 42 xHE-AAC.
    pub object_type: u32,
    /// Samples per second, after spectral band replication if there is any.
    pub sample_rate: u32,
    /// Channels, after parametric stereo if there is any; `None` when a channel map inside the
    /// stream says.
    pub channels: Option<u32>,
}

const LOW_COMPLEXITY: u32 = 2;
const SBR: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;

/// `samplingFrequencyIndex` (table 1.18).
const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Reads an AudioSpecificConfig; `None` when it is cut short or uses a reserved value.
pub fn parse(bytes: &[u8]) -> Option<AudioSpecificConfig> {
    let mut bits = Bits::new(bytes);
    let mut object_type = object_type(&mut bits)?;
    let mut sample_rate = sample_rate_of(&mut bits)?;
    let mut channels = match bits.read(4)? {
        0 => None,
        few @ 1..=6 => Some(few),
        11 => Some(7),
        7 | 12 | 14 => Some(8),
        13 => Some(24),
        _ => return None,
    };
    // §1.6.6.1, extension signalled hierarchically: the extension's type comes first.
    if object_type == SBR || object_type == PARAMETRIC_STEREO {
        sample_rate = sample_rate_of(&mut bits)?;
    } else if let Some(extension) = compatible_extension(&mut bits, object_type, channels) {
        // §1.6.6.2, signalled compatibly: behind the configuration that old decoders read.
        object_type = extension.object_type;
        sample_rate = extension.sample_rate;
    }
    if object_type == PARAMETRIC_STEREO {
        channels = channels.map(|core| core.max(2));
    }
    Some(AudioSpecificConfig { object_type, sample_rate, channels })
}

struct Extension {
    object_type: u32,
    sample_rate: u32,
}

fn compatible_extension(bits: &mut Bits<'_>, object_type: u32, channels: Option<u32>) -> Option<Extension> {
    // Only behind a GASpecificConfig (§4.4.1) of AAC main, LC, SSR or LTP without a channel map is
    // the place known.
    if !(1..=4).contains(&object_type) || channels.is_none() {
        return None;
    }
    bits.read(1)?; // frameLengthFlag
    if bits.read(1)? == 1 {
        bits.read(14)?; // coreCoderDelay
    }
    bits.read(1)?; // extensionFlag, 0 for these types
    if bits.read(11)? != 0x2b7 || bits.read(5)? != SBR || bits.read(1)? == 0 {
        return None;
    }
    let sample_rate = sample_rate_of(bits)?;
    let stereo = bits.read(11) == Some(0x548) && bits.read(1) == Some(1);
    Some(Extension { object_type: if stereo { PARAMETRIC_STEREO } else { SBR }, sample_rate })
}

/// `GetAudioObjectType()`: 31 escapes to six more bits (table 1.16).
fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.read(5)? {
        31 => bits.read(6)?.checked_add(32),
        object_type => Some(object_type),
    }
}

fn sample_rate_of(bits: &mut Bits<'_>) -> Option<u32> {
    match bits.read(4)? {
        15 => bits.read(24),
        index => SAMPLE_RATES.get(usize::try_from(index).ok()?).copied(),
    }
}

/// Writes a configuration for AAC-LC whose sample rate is given in 24 bits, with at most 7 channels.
pub fn low_complexity(sample_rate: u32, channels: u16) -> [u8; 5] {
    // 5 bits object type, 4 bits 15 (the rate follows), 24 bits rate, 4 bits channels, 3 bits of
    // GASpecificConfig.
    let bits = u64::from(LOW_COMPLEXITY) << 35
        | 15 << 31
        | u64::from(sample_rate & 0xff_ffff) << 7
        | u64::from(channels & 7) << 3;
    let [_, _, _, config @ ..] = bits.to_be_bytes();
    config
}

/// Writes a configuration, signalled hierarchically, for stereo at this rate from a core at half of
/// it, which has one channel with parametric stereo.
pub fn high_efficiency(sample_rate: u32, parametric_stereo: bool) -> [u8; 9] {
    let (object_type, core_channels) = if parametric_stereo { (PARAMETRIC_STEREO, 1) } else { (SBR, 2) };
    // 5 bits object type, 4 + 24 bits core rate, 4 bits channels, 4 + 24 bits rate, 5 bits object
    // type of the core, 2 of the 3 bits of GASpecificConfig.
    let rate = |rate: u32| u128::from(15 << 24 | rate & 0xff_ffff);
    let bits = u128::from(object_type) << 67
        | rate(sample_rate >> 1) << 39
        | core_channels << 35
        | rate(sample_rate) << 7
        | u128::from(LOW_COMPLEXITY) << 2;
    let [_, _, _, _, _, _, _, config @ ..] = bits.to_be_bytes();
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], object_type: u32, sample_rate: u32, channels: Option<u32>) {
        let expected = AudioSpecificConfig { object_type, sample_rate, channels };
        assert_eq!(parse(bytes), Some(expected), "{bytes:02x?}");
    }

    #[test]
    fn object_types_rates_and_channels() {
        check(&[0x12, 0x10], 2, 44_100, Some(2));
        // ffmpeg's own encoder: LC, and an extension that says there is no SBR.
        check(&[0x11, 0x90, 0x56, 0xe5, 0x00], 2, 48_000, Some(2));
        // HE-AAC, hierarchical: 24 kHz core, 48 kHz out.
        check(&[0x2b, 0x11, 0x88, 0x00], 5, 48_000, Some(2));
        // HE-AAC, compatible: the same.
        check(&[0x13, 0x10, 0x56, 0xe5, 0x98], 5, 48_000, Some(2));
        // HE-AAC v2, hierarchical: a mono core gives two channels.
        check(&[0xeb, 0x09, 0x88, 0x00], 29, 48_000, Some(2));
        // xHE-AAC: an escaped object type.
        check(&[0xf9, 0x46, 0x40], 42, 48_000, Some(2));
        // A rate of 24 bits, and a channel map elsewhere.
        check(&[0x17, 0x80, 0x5d, 0xc0, 0x00], 2, 48_000, None);
    }

    #[test]
    fn a_configuration_cut_short_is_none() {
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[0x12]), None);
        assert_eq!(parse(&[0x2b, 0x11]), None);
        assert_eq!(parse(&[0x16, 0x90]), None, "reserved sampling frequency");
    }
}
