package app

import (
	"encoding/json"
	"unsafe"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The message types that clients and backends may send (Yunxin's numbers, and our
// own merged forward). 5 and 11 appear in history only; numbers from 1000 on are
// the state machine's own.
const (
	typeText     = state.TypeText
	typeImage    = 1
	typeAudio    = 2
	typeVideo    = 3
	typeLocation = 4
	typeFile     = 6
	typeTip      = 10
	typeCustom   = state.TypeCustom
	typeMerged   = state.TypeMerged
)

// content checks what a message says: a text must not be empty, that of most other
// types is JSON with certain fields.
func content(kind uint32, body, ext string, l *state.Limits) error {
	if len(body) > l.MaxBodyBytes {
		return wire.Errorf(wire.CodeBadParameter, "body is longer than %d bytes", l.MaxBodyBytes)
	}
	if err := charsWithin("body", body, maxBody); err != nil {
		return err
	}
	switch kind {
	case typeText:
		if body == "" {
			return wire.Errorf(wire.CodeBadParameter, "body of a text must not be empty")
		}
	case typeMerged: // its title, if any
	case typeCustom:
		// json.Valid does not keep or change its argument.
		if !json.Valid(unsafe.Slice(unsafe.StringData(body), len(body))) {
			return wire.Errorf(wire.CodeBadParameter, "body of type %d must be JSON", kind)
		}
	case typeImage, typeAudio, typeVideo, typeLocation, typeFile, typeTip:
		if err := checkFields(kind, body); err != nil {
			return err
		}
	default:
		return wire.Errorf(wire.CodeBadParameter, "type %d cannot be sent", kind)
	}
	return charsWithin("ext", ext, maxExt)
}

// roomContent is content for a message to a room, which forwards nothing.
func roomContent(kind uint32, body, ext string, l *state.Limits) error {
	if kind == typeMerged {
		return wire.Errorf(wire.CodeBadParameter, "type %d cannot be sent to a room", kind)
	}
	return content(kind, body, ext, l)
}

// maxMedia bounds sizes, lengths and durations in bodies: an integer that every
// client's JSON holds exactly.
const maxMedia = 1 << 53

// media are the fields of bodies that are known (facts/yunxin-api.md §3.1). Others
// belong to the application.
type media struct {
	URL  *string  `json:"url"`
	Size *float64 `json:"size"`
	W    *float64 `json:"w"`
	H    *float64 `json:"h"`
	Dur  *float64 `json:"dur"`
	Lng  *float64 `json:"lng"`
	Lat  *float64 `json:"lat"`
	Msg  *string  `json:"msg"`
}

// checkFields checks the body of a type that is a JSON object.
func checkFields(kind uint32, body string) error {
	var m *media
	// Unmarshal copies what it keeps.
	if json.Unmarshal(unsafe.Slice(unsafe.StringData(body), len(body)), &m) != nil || m == nil {
		return wire.Errorf(wire.CodeBadParameter, "body of type %d must be a JSON object whose known fields have their types", kind)
	}
	switch kind {
	case typeTip:
		return nil
	case typeLocation:
		if !between(m.Lng, -180, 180) || !between(m.Lat, -90, 90) {
			return wire.Errorf(wire.CodeBadParameter, "body of a location must have lng from -180 to 180 and lat from -90 to 90")
		}
		return nil
	}
	if m.URL == nil || *m.URL == "" {
		return wire.Errorf(wire.CodeBadParameter, "body of type %d must have a url", kind)
	}
	for _, f := range []struct {
		name  string
		value *float64
	}{{"size", m.Size}, {"w", m.W}, {"h", m.H}, {"dur", m.Dur}} {
		if f.value != nil && !between(f.value, 0, maxMedia) {
			return wire.Errorf(wire.CodeBadParameter, "%s in the body is out of range", f.name)
		}
	}
	return nil
}

// between reports whether v is given and lies from least to most.
func between(v *float64, least, most float64) bool { return v != nil && *v >= least && *v <= most }
