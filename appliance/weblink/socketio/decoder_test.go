package socketio_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

const twoAttachments = `52-/x,789["m",{"_placeholder":true,"num":1},[{"a":{"num":0,"_placeholder":true}}]]`

func TestAttachmentsCompleteThePacket(t *testing.T) {
	var d socketio.Decoder
	text, first, second := []byte(twoAttachments), []byte{1, 2, 3}, []byte{}
	for i, m := range [][]byte{text, first} {
		if p, ok, err := d.Decode(limits, m, i > 0); ok || err != nil || !equal(p, socketio.Packet{}) {
			t.Fatalf("message %d: %+v, %v, %v", i, p, ok, err)
		}
		if !d.Waiting() {
			t.Fatal("does not wait for the attachments")
		}
		clear(m) // the input belongs to the caller again
	}
	p, ok, err := d.Decode(limits, second, true)
	want := socketio.Packet{Type: socketio.BinaryEvent, Namespace: "/x", HasID: true, ID: 789,
		Data: []byte(strings.TrimPrefix(twoAttachments, `52-/x,789`)), Attachments: [][]byte{{1, 2, 3}, {}}}
	if !ok || err != nil || !equal(p, want) {
		t.Fatalf("%+v, %v, %v; want %+v", p, ok, err, want)
	}
	if d.Waiting() {
		t.Error("still waits")
	}
	if _, ok, err := d.Decode(limits, []byte(`2["a"]`), false); !ok || err != nil {
		t.Errorf("the next packet: %v, %v", ok, err)
	}
}

func TestMessageOutOfTurnIsRefused(t *testing.T) {
	var d socketio.Decoder
	if _, _, err := d.Decode(limits, []byte{1}, true); !errors.Is(err, socketio.ErrUnexpectedBinary) {
		t.Errorf("an attachment of nothing: %v", err)
	}
	if _, ok, err := d.Decode(limits, []byte(`50-["a"]`), false); !ok || err != nil {
		t.Errorf("no attachments announced: %v, %v", ok, err)
	}
	if _, _, err := d.Decode(limits, []byte{1}, true); !errors.Is(err, socketio.ErrUnexpectedBinary) {
		t.Errorf("an attachment more than announced: %v", err)
	}
	if _, _, err := d.Decode(limits, []byte(twoAttachments), false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Decode(limits, []byte(`2["a"]`), false); !errors.Is(err, socketio.ErrAttachmentExpected) || d.Waiting() {
		t.Errorf("text instead of an attachment: %v", err)
	}
}

func TestAttachmentsAreBoundedTogether(t *testing.T) {
	text := []byte(twoAttachments)
	l := socketio.Limits{MaxBytes: len(text) + 10}
	for _, c := range []struct {
		first, second int
		want          error
	}{
		{4, 6, nil}, {10, 0, nil}, {4, 7, socketio.ErrTooLarge}, {11, 0, socketio.ErrTooLarge},
	} {
		var d socketio.Decoder
		_, _, err := d.Decode(l, text, false)
		for _, size := range []int{c.first, c.second} {
			if err == nil {
				_, _, err = d.Decode(l, make([]byte, size), true)
			}
		}
		if !errors.Is(err, c.want) || d.Waiting() {
			t.Errorf("%d and %d bytes: %v; want %v", c.first, c.second, err, c.want)
		}
	}
}

func TestAttachmentLimitHasACeiling(t *testing.T) {
	if n := (socketio.Limits{MaxAttachments: 1000}).WithDefaults().MaxAttachments; n != 64 {
		t.Errorf("%d attachments", n)
	}
	var b strings.Builder
	b.WriteString(`564-0["a"`)
	for i := range 64 {
		b.WriteByte(',')
		b.Write(socketio.AppendPlaceholder(nil, i))
	}
	b.WriteByte(']')
	l := socketio.Limits{MaxAttachments: 64}
	var d socketio.Decoder
	if _, _, err := d.Decode(l, []byte(b.String()), false); err != nil || !d.Waiting() {
		t.Errorf("64 attachments: %v", err)
	}
}

// FuzzAssemble gives a decoder a sequence of messages: each line of the input is
// one, binary when it starts with "b".
func FuzzAssemble(f *testing.F) {
	f.Add([]byte(twoAttachments + "\nb123\nb\n2[\"a\"]"))
	f.Add([]byte("b1"))
	f.Add([]byte("51-1[{\"_placeholder\":true,\"num\":0}]\n2[\"a\"]"))
	f.Add([]byte("50-[\"a\"]\nb1"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const maxBytes = 200
		l := socketio.Limits{MaxBytes: maxBytes}
		var d socketio.Decoder
		held := 0 // bytes given since the last packet
		for line := range bytes.Lines(in) {
			m, binary := bytes.CutPrefix(bytes.TrimSuffix(line, []byte("\n")), []byte("b"))
			waiting := d.Waiting()
			p, ok, err := d.Decode(l, m, binary)
			if err != nil {
				if d.Waiting() || ok {
					t.Fatal("an error, and yet a packet or part of one")
				}
				return
			}
			if binary != waiting {
				t.Fatalf("%q was taken out of turn", m)
			}
			if held += len(m); held > maxBytes {
				t.Fatalf("took %d bytes", held)
			}
			if ok == d.Waiting() {
				t.Fatal("a packet is either complete or waited for")
			}
			if !ok {
				continue
			}
			size := len(p.Data)
			for _, a := range p.Attachments {
				size += len(a)
			}
			if size > held || len(p.Attachments) > socketio.DefaultMaxAttachments {
				t.Fatalf("%d bytes in, a packet of %d and %d attachments out", held, size, len(p.Attachments))
			}
			held = 0
		}
	})
}
