package files

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// jpegInfo is what the headers of a JPEG say beyond its size (ITU-T T.81).
type jpegInfo struct {
	// orientation is Exif's: 1 as stored, 2–8 turned or mirrored.
	orientation int
	// progressive images are decoded from a copy of all coefficients.
	progressive bool
}

var errNotJPEG = errors.New("not a JPEG")

// maxExif bounds what is read of an Exif segment: a segment's length has 16 bits.
const maxExif = 1 << 16

// readJPEGInfo reads the segments before the image's data.
func readJPEGInfo(r io.Reader) (info jpegInfo, err error) {
	info.orientation = 1
	in := bufio.NewReader(r)
	var b [2]byte
	if _, err := io.ReadFull(in, b[:]); err != nil || b != [2]byte{0xff, 0xd8} {
		return info, errNotJPEG
	}
	for {
		marker, err := nextMarker(in)
		if err != nil {
			return info, errNotJPEG
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 { // no length (T.81 B.1.1.3)
			continue
		}
		if marker == 0xda || marker == 0xd9 { // SOS: the data begin; EOI
			return info, nil
		}
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return info, errNotJPEG
		}
		n := int(binary.BigEndian.Uint16(b[:])) - 2
		if n < 0 {
			return info, errNotJPEG
		}
		switch {
		case marker == 0xe1:
			segment := make([]byte, min(n, maxExif))
			if _, err := io.ReadFull(in, segment); err != nil {
				return info, errNotJPEG
			}
			if o, ok := exifOrientation(segment); ok {
				info.orientation = o
			}
			continue
		case marker == 0xc2:
			info.progressive = true
		}
		if _, err := in.Discard(n); err != nil {
			return info, errNotJPEG
		}
	}
}

// nextMarker skips fill bytes.
func nextMarker(in *bufio.Reader) (byte, error) {
	b, err := in.ReadByte()
	if err != nil || b != 0xff {
		return 0, errNotJPEG
	}
	for b == 0xff {
		if b, err = in.ReadByte(); err != nil {
			return 0, err
		}
	}
	return b, nil
}

// exifOrientation finds tag 0x0112 of the first directory (Exif 2.32, 4.6.2 and
// TIFF 6.0, section 2).
func exifOrientation(segment []byte) (int, bool) {
	const header = "Exif\x00\x00"
	if len(segment) < len(header)+8 || string(segment[:len(header)]) != header {
		return 0, false
	}
	tiff := segment[len(header):]
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0, false
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 0, false
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 0, false
		}
		const tagOrientation, typeShort = 0x0112, 3
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			o := int(order.Uint16(entries[8:]))
			return o, o >= 1 && o <= 8
		}
		entries = entries[12:]
	}
	return 0, false
}
