#!/usr/bin/env bash
# Makes the clip that `cargo demo` plays in a loop: two video renditions and one audio track, each a
# fragmented MP4 of exactly 8 s. README.md says what is promised about them, and `check` below holds it.
# Needs ffmpeg 5.1 or later with libx264, libfreetype and fontconfig, and the DejaVu fonts.
set -euo pipefail
cd "$(dirname "$0")"

seconds=8
fps=30
gop=60
frames=$((seconds * fps))      # 240
aac_frames=$((seconds * 48000 / 1024)) # 375, no remainder: this is why the clip has 8 s
font=fontfile=$(fc-match -f '%{file}' 'DejaVu Sans')
bold=fontfile=$(fc-match -f '%{file}' 'DejaVu Sans:bold')
mono=fontfile=$(fc-match -f '%{file}' 'DejaVu Sans Mono:bold')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ff() { ffmpeg -nostdin -v error -y -fflags +bitexact "$@"; }

# ---- picture -------------------------------------------------------------------------------------
# A dot goes round the dial once a second and stands at the top, with a flash, when the audio ticks:
# that shows lip sync. The bar along the bottom takes 8 s. Everything returns to where it began, so the
# loop cannot be seen, but for the counter.

# What stands still, drawn once: sky, grid, dial, colour bars.
still() {
    local dial="(abs(hypot(X-480,Y-262)-150)-3)"   # distance to the edge of a ring 6 px wide
    local on="clip(0.5-$dial,0,1)"
    ff -f lavfi -i "color=0x101a2e:s=960x540:d=0.04,format=gbrp" -frames:v 1 -filter_complex "
        geq=r='12+10*Y/H+$on*52':g='20+20*Y/H+$on*70':b='38+36*Y/H+$on*92',format=rgb24,
        drawgrid=w=60:h=60:t=1:c=white@0.035,
        drawbox=x=0:y=484:w=120:h=48:c=0xb4b4b4:t=fill,  drawbox=x=120:y=484:w=120:h=48:c=0xb4b410:t=fill,
        drawbox=x=240:y=484:w=120:h=48:c=0x10b4b4:t=fill,drawbox=x=360:y=484:w=120:h=48:c=0x10b410:t=fill,
        drawbox=x=480:y=484:w=120:h=48:c=0xb410b4:t=fill,drawbox=x=600:y=484:w=120:h=48:c=0xb41010:t=fill,
        drawbox=x=720:y=484:w=120:h=48:c=0x1010b4:t=fill,drawbox=x=840:y=484:w=120:h=48:c=0x101010:t=fill,
        drawtext=$bold:text='Rimcast demo':x=36:y=34:fontsize=36:fontcolor=white,
        drawtext=$font:text='$fps fps, keyframe every 2 s, $seconds s loop':x=37:y=82:fontsize=18:fontcolor=0x9fb3d1" \
        "$work/still.png"
    # The dot, in two sizes (the smaller ones are its tail).
    ff -f lavfi -i "color=white:s=44x44:d=0.04,format=rgba" -frames:v 1 \
        -vf "geq=r=255:g=176:b=64:a='255*clip(20-hypot(X-21.5,Y-21.5),0,1)'" "$work/dot.png"
    ff -f lavfi -i "color=white:s=28x28:d=0.04,format=rgba" -frames:v 1 \
        -vf "geq=r=255:g=176:b=64:a='150*clip(12-hypot(X-13.5,Y-13.5),0,1)'" "$work/tail.png"
}

round() { # round LAG: overlay position on the dial, LAG seconds behind
    echo "x='480+150*sin(2*PI*(t-$1))-w/2':y='262-150*cos(2*PI*(t-$1))-h/2':eval=frame"
}

card() {
    local loop="-loop 1 -framerate $fps -t $seconds"
    # shellcheck disable=SC2086 # $loop is several words
    ff $loop -i "$work/still.png" $loop -i "$work/dot.png" $loop -i "$work/tail.png" \
        -f lavfi -i "color=0xffb040:s=960x8:r=$fps:d=$seconds" -filter_complex "
        [2:v]split[tail1][tail2];
        [0:v][tail2]overlay=$(round 0.12)[a]; [a][tail1]overlay=$(round 0.065)[b]; [b][1:v]overlay=$(round 0)[c];
        [c][3:v]overlay=x='-W+W*(t+1/$fps)/$seconds':y=532:eval=frame,format=rgb24,
        drawbox=x=444:y=150:w=72:h=6:c=0xffb040:t=fill:enable='lt(mod(n,$fps),3)',
        drawtext=$mono:text='%{eif\:n\:d\:3}':x=(w-tw)/2:y=262-48:fontsize=116:fontcolor=white,
        drawtext=$font:text='%{eif\:floor(n/$fps)\:d} s':x=(w-tw)/2:y=336:fontsize=26:fontcolor=0x9fb3d1" \
        -frames:v "$frames" -c:v ffv1 -pix_fmt gbrp "$work/card.nut"
}

video() { # video HEIGHT BITRATE LEVEL (the bit rate is a ceiling: this picture needs less)
    local height=$1 width=$(($1 * 16 / 9))
    ff -i "$work/card.nut" -an -vf "
        scale=$width:$height:flags=lanczos:out_color_matrix=bt709:out_range=tv,format=yuv420p,
        drawtext=$bold:text='${height}p':x=w-tw-h/15:y=h/15:fontsize=h/14:fontcolor=0xffb040" \
        -c:v libx264 -profile:v main -level "$3" -refs 3 -preset veryslow -threads 1 -flags +cgop+bitexact -bf 0 \
        -g $gop -keyint_min $gop -sc_threshold 0 -b:v "$2" -maxrate "$2" -bufsize "$2" \
        -color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv \
        -video_track_timescale 15360 -use_editlist 0 -frag_duration 500000 \
        -movflags +empty_moov+default_base_moof+skip_trailer -brand iso6 "video-${height}p.mp4"
}

# ---- sound ---------------------------------------------------------------------------------------
# Two soft chords that fade into each other, and a quiet tick each second (higher at a keyframe). Every
# frequency is a multiple of 1/8 Hz, so that the sound, too, repeats after exactly 8 s.

sound() {
    local a='cos(2*PI*t/8)' tremolo='(1+0.25*sin(2*PI*t*PAN))'
    local one="(0.5+0.5*$a)*(sin(2*PI*110*t)+0.8*sin(2*PI*220*t)+0.6*sin(2*PI*277.125*t)+0.6*sin(2*PI*329.625*t)+0.3*sin(2*PI*415.25*t))"
    local two="(0.5-0.5*$a)*(sin(2*PI*146.875*t)+0.6*sin(2*PI*220*t)+0.6*sin(2*PI*293.625*t)+0.6*sin(2*PI*369.875*t)+0.3*sin(2*PI*554.375*t))"
    local tick="0.16*(1-exp(-900*mod(t,1)))*exp(-45*mod(t,1))*sin(2*PI*mod(t,1)*if(lt(mod(t,2),1),1320,990))"
    local channel="0.045*$tremolo*($one+$two)+$tick"
    # Three times over: the encoder's priming and its end lie in the first and the last, out of the cut.
    ff -f lavfi -i "aevalsrc='${channel//PAN/0.25}|${channel//PAN/0.375}':s=48000:c=stereo:d=$((3 * seconds))" \
        -c:a aac -b:a 64k -flags +bitexact "$work/three.nut"
}

audio() {
    # The encoder puts one frame of priming in front: the frame at 8 s is number 1 + 375. The DASH muxer cuts at
    # multiples of 0.5 s, so that chunks of 23 and 24 frames keep pace with the video's.
    local first=$((1 + aac_frames))
    ff -i "$work/three.nut" -c copy -tag:a mp4a \
        -bsf:a "noise=drop='lt(n,$first)+gte(n,$first+$aac_frames)',setts=ts=N*1024" \
        -f dash -seg_duration 0.5 -use_template 1 -use_timeline 0 \
        -format_options "movflags=+default_base_moof+skip_sidx+skip_trailer:use_editlist=0:brand=iso6" "$work/audio.mpd"
    cat "$work"/init-stream0.m4s "$work"/chunk-stream0-*.m4s >audio.mp4
}

# ---- what is promised ----------------------------------------------------------------------------

count() { ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 "$1"; }

expect() { # expect WHAT FOUND WANTED
    if [ "$2" = "$3" ]; then echo "ok: $1 $2"; else echo "$1: $2, not $3" >&2; exit 1; fi
}

check() {
    local file box
    for file in video-540p.mp4 video-270p.mp4; do
        expect "$file frames" "$(count $file)" $frames
    done
    expect "audio.mp4 frames" "$(count audio.mp4)" $aac_frames
    for file in *.mp4; do
        expect "$file chunks" "$(grep -abo moof "$file" | wc -l)" 16
        expect "$file starts at" "$(ffprobe -v error -show_entries packet=pts -read_intervals %+#1 -of csv=p=0 "$file" | head -1)" 0
        for box in elst sidx mfra; do
            expect "$file boxes $box" "$(grep -abo $box "$file" | wc -l)" 0
        done
    done
    [ "$(cat ./*.mp4 | wc -c)" -lt 1000000 ] || { echo "the clip has 1 MB or more" >&2; exit 1; }
}

if [ "${1-}" != check ]; then
    still
    card
    video 540 500k 3.1
    video 270 180k 2.1
    sound
    audio
fi
check
