//! MPDs that break no rule: a broadcast whose encoder began anew, as chunks, as segment sequences, and at its end.

/// Low latency by chunks: video by number and @duration, sound of two languages by a SegmentTimeline each, text whole.
pub(super) const CHUNKS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="show-g1" type="dynamic" profiles="urn:mpeg:dash:profile:isoff-live:2011,http://www.dashif.org/guidelines/low-latency-live-v5" availabilityStartTime="2027-01-15T08:00:00Z" publishTime="2027-01-15T08:01:00.500Z" minimumUpdatePeriod="PT2S" minBufferTime="PT1S" timeShiftBufferDepth="PT1M" suggestedPresentationDelay="PT2S" maxSegmentDuration="PT2.016S">
  <BaseURL>g1/</BaseURL>
  <PatchLocation ttl="60">manifest.mpp?publishTime=2027-01-15T08%3A01%3A00.500Z</PatchLocation>
  <ServiceDescription id="0">
    <Latency target="2000" min="1000" max="6000" referenceId="0"/>
    <PlaybackRate min="0.96" max="1.04"/>
  </ServiceDescription>
  <Period id="0" start="PT0S">
    <AdaptationSet id="1" contentType="video" mimeType="video/mp4" segmentAlignment="true">
      <SegmentTemplate timescale="90000" presentationTimeOffset="900000" startNumber="1" endNumber="21" duration="180000" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/s1/init.mp4"/>
      <Representation id="video-1080p" codecs="avc1.640028" bandwidth="5000000" width="1920" height="1080"/>
    </AdaptationSet>
  </Period>
  <Period id="1" start="PT40.5S">
    <EventStream schemeIdUri="urn:scte:scte35:2014:xml+bin" timescale="1000">
      <Event presentationTime="1000" duration="500" id="1"/>
      <Event presentationTime="2000" id="2"/>
    </EventStream>
    <AdaptationSet id="1" contentType="video" mimeType="video/mp4" segmentAlignment="true">
      <InbandEventStream schemeIdUri="urn:scte:scte35:2013:bin" value="1"/>
      <ProducerReferenceTime id="0" inband="true" type="encoder" wallClockTime="2027-01-15T08:00:40.400Z" presentationTime="0"/>
      <Resync type="0" dT="45000"/>
      <SegmentTemplate timescale="90000" startNumber="22" duration="180000" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/s2/init.mp4" availabilityTimeOffset="1.5" availabilityTimeComplete="false"/>
      <Representation id="video-1080p" codecs="avc1.640028" bandwidth="5000000" width="1920" height="1080"/>
      <Representation id="video-360p" codecs="avc1.64001e" bandwidth="800000" width="640" height="360"/>
    </AdaptationSet>
    <AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" lang="en" segmentAlignment="true">
      <Label lang="en">English</Label>
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
      <SegmentTemplate timescale="48000" presentationTimeOffset="1024" startNumber="12" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/s2/init.mp4" availabilityTimeOffset="1.504" availabilityTimeComplete="false"/>
      <Representation id="audio-en" codecs="mp4a.40.2" bandwidth="128000">
        <SegmentTemplate>
          <SegmentTimeline>
            <S t="1024" d="96256"/>
            <S d="95232" r="1"/>
            <S d="96768"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
      <Representation id="audio-en-64k" codecs="mp4a.40.2" bandwidth="64000">
        <SegmentTemplate timescale="24000" presentationTimeOffset="512">
          <SegmentTimeline>
            <S t="512" d="48128"/>
            <S d="47616" r="1"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
    <AdaptationSet id="3" contentType="text" mimeType="application/mp4" lang="fr-CA">
      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>
      <SegmentTemplate timescale="1000" startNumber="1" duration="2000" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/s2/init.mp4"/>
      <Representation id="text-fr" codecs="stpp.ttml.im1t" bandwidth="1000"/>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="time"/>
</MPD>
"#;

/// Low latency by segment sequences.
pub(super) const SEQUENCES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" profiles="urn:mpeg:dash:profile:isoff-live:2011,http://www.dashif.org/guidelines/low-latency-live-v5" availabilityStartTime="2027-01-15T08:00:00Z" publishTime="2027-01-15T08:00:07Z" minimumUpdatePeriod="PT0.5S" minBufferTime="PT1S" timeShiftBufferDepth="PT1M" suggestedPresentationDelay="PT2S">
  <BaseURL>g1/</BaseURL>
  <ServiceDescription>
    <Latency target="2000"/>
    <PlaybackRate max="1.04"/>
  </ServiceDescription>
  <Period id="0" start="PT0S">
    <AdaptationSet id="1" contentType="video" mimeType="video/mp4">
      <EssentialProperty schemeIdUri="urn:mpeg:dash:ssr:2023"/>
      <SegmentTemplate timescale="90000" startNumber="7" media="$RepresentationID$/$Number%03d$_$SubNumber$.m4s" initialization="$RepresentationID$/s1/init.mp4">
        <SegmentTimeline>
          <S t="180000" d="180000" r="1" k="4"/>
          <S d="90000" k="2"/>
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="video" codecs="avc1.640028" bandwidth="5000000"/>
    </AdaptationSet>
  </Period>
  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="https://time.example/"/>
</MPD>
"#;

/// The end of a broadcast.
pub(super) const ENDED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" id="show-g1" type="static" profiles="urn:mpeg:dash:profile:isoff-live:2011" availabilityStartTime="2027-01-15T08:00:00Z" publishTime="2027-01-15T08:01:10Z" mediaPresentationDuration="PT49.5S" minBufferTime="PT1S">
  <BaseURL>g1/</BaseURL>
  <Period id="1" start="PT40.5S">
    <AdaptationSet id="1" contentType="video" mimeType="video/mp4">
      <SegmentTemplate timescale="90000" startNumber="22" endNumber="26" media="$RepresentationID$/$Number$.m4s" initialization="$RepresentationID$/s2/init.mp4">
        <SegmentTimeline>
          <S t="0" d="180000" r="3"/>
          <S d="90000"/>
        </SegmentTimeline>
      </SegmentTemplate>
      <Representation id="video-1080p" codecs="avc1.640028" bandwidth="5000000" width="1920" height="1080"/>
    </AdaptationSet>
  </Period>
</MPD>
"#;
