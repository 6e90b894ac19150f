package wire

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawFrame(t *rapid.T) Frame {
	f := Frame{Kind: Kind(rapid.IntRange(int(KindRequest), int(KindPong)).Draw(t, "kind"))}
	switch f.Kind {
	case KindPing, KindPong:
		return f
	case KindRequest:
		f.Command = Command(rapid.Uint16().Draw(t, "command"))
		f.Serial = rapid.Uint64().Draw(t, "serial")
	case KindResponse:
		f.Serial = rapid.Uint64().Draw(t, "serial")
		f.Code = Code(rapid.Uint16().Draw(t, "code"))
	case KindPush:
		f.Command = Command(rapid.Uint16().Draw(t, "command"))
	}
	f.Compression = Compression(rapid.IntRange(0, maxCompression).Draw(t, "compression"))
	f.Payload = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "payload")
	return f
}

func sameFrame(a, b Frame) bool {
	return a.Kind == b.Kind && a.Compression == b.Compression && a.Command == b.Command &&
		a.Code == b.Code && a.Serial == b.Serial && bytes.Equal(a.Payload, b.Payload)
}

func TestFramesSurviveTheRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream []byte
		var sent []Frame
		for range rapid.IntRange(1, 5).Draw(t, "frames") {
			f := drawFrame(t)
			before := len(stream)
			stream = AppendFrame(stream, &f)
			if grew := len(stream) - before; grew > len(f.Payload)+MaxFrameHeader {
				t.Fatalf("header of %d bytes exceeds MaxFrameHeader", grew-len(f.Payload))
			}
			sent = append(sent, f)
		}
		for _, want := range sent {
			got, n, err := ParseFrame(stream, MaxFrame)
			if err != nil || n == 0 {
				t.Fatalf("ParseFrame: n=%d err=%v", n, err)
			}
			if !sameFrame(got, want) {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			stream = stream[n:]
		}
		if len(stream) != 0 {
			t.Fatalf("%d bytes left over", len(stream))
		}
	})
}

func TestParseFrameWaitsForTheRest(t *testing.T) {
	f := Frame{Kind: KindRequest, Command: CmdSend, Serial: 1 << 40, Payload: bytes.Repeat([]byte("x"), 200)}
	whole := AppendFrame(nil, &f)
	for i := range whole {
		if _, n, err := ParseFrame(whole[:i], MaxFrame); n != 0 || err != nil {
			t.Fatalf("with %d of %d bytes: n=%d err=%v", i, len(whole), n, err)
		}
	}
}

func TestParseFrameRefuses(t *testing.T) {
	tooLong := AppendFrame(nil, &Frame{Kind: KindPush, Command: 1, Payload: make([]byte, 100)})
	cases := []struct {
		name  string
		input []byte
		want  error
	}{
		{"a length over the limit, before the rest arrives", tooLong[:2], ErrFrameTooLarge},
		{"an endless length", bytes.Repeat([]byte{0xff}, 11), ErrFrameMalformed},
		{"an empty frame", []byte{0}, ErrFrameMalformed},
		{"an unknown kind", []byte{1, 0x0e}, ErrFrameMalformed},
		{"kind zero", []byte{1, 0}, ErrFrameMalformed},
		{"a ping with a payload", []byte{2, byte(KindPing), 1}, ErrFrameMalformed},
		{"a compressed pong", []byte{1, byte(KindPong) | 1<<compressionShift}, ErrFrameMalformed},
		{"a request without serial", []byte{2, byte(KindRequest), 1}, ErrFrameMalformed},
		{"a command over 16 bits", []byte{5, byte(KindPush), 0x80, 0x80, 0x04, 0}, ErrFrameMalformed},
		{"a header varint that runs past the frame", []byte{2, byte(KindPush), 0x80, 0x01}, ErrFrameMalformed},
	}
	for _, c := range cases {
		if _, n, err := ParseFrame(c.input, 64); !errors.Is(err, c.want) || n != 0 {
			t.Errorf("%s: n=%d err=%v, want %v", c.name, n, err, c.want)
		}
	}
}

func TestAppendBodyEqualsAppendFrame(t *testing.T) {
	m := &SendRequest{To: "bob", ClientId: "c-1", Body: strings.Repeat("你好", 40)}
	payload, err := m.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	f := Frame{Kind: KindRequest, Command: CmdSend, Serial: math.MaxUint64}
	direct := AppendBody([]byte("before"), &f, m)
	f.Payload = payload
	if want := AppendFrame([]byte("before"), &f); !bytes.Equal(direct, want) {
		t.Fatalf("got %x, want %x", direct, want)
	}
	f.Payload = nil
	if got, want := AppendBody(nil, &f, nil), AppendFrame(nil, &f); !bytes.Equal(got, want) {
		t.Fatalf("nil body: got %x, want %x", got, want)
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add(AppendFrame(nil, &Frame{Kind: KindRequest, Command: CmdLogin, Serial: 1, Payload: []byte("p")}))
	f.Add(AppendFrame(nil, &Frame{Kind: KindResponse, Serial: 7, Code: CodeOK}))
	f.Add(AppendFrame(nil, &Frame{Kind: KindPush, Command: PushMessage, Compression: 1, Payload: []byte("p")}))
	f.Add([]byte{0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, input []byte) {
		frame, n, err := ParseFrame(input, 1<<16)
		if err != nil || n == 0 {
			if n != 0 {
				t.Fatal("an error took bytes")
			}
			return
		}
		again, m, err := ParseFrame(AppendFrame(nil, &frame), 1<<17)
		if err != nil || m == 0 || !sameFrame(frame, again) {
			t.Fatalf("%+v became %+v (%v)", frame, again, err)
		}
	})
}

// FuzzMessages feeds every message type's decoder; the generated code must
// neither panic nor keep what it cannot write again.
func FuzzMessages(f *testing.F) {
	seed, _ := (&SendRequest{To: "bob", ClientId: "1", Body: "hello"}).MarshalVT()
	f.Add(seed)
	f.Fuzz(func(t *testing.T, input []byte) {
		messages := []interface {
			UnmarshalVT([]byte) error
			MarshalVT() ([]byte, error)
		}{
			&LoginRequest{}, &LoginResponse{}, &LogoutRequest{}, &SendRequest{}, &SendResponse{},
			&Message{}, &MessagePush{}, &AckRequest{}, &ReadRequest{}, &ReadPush{}, &RecallRequest{},
			&RecallResponse{}, &SyncRequest{}, &SyncResponse{}, &HistoryRequest{}, &HistoryResponse{},
			&ProfilesRequest{}, &ProfilesResponse{}, &UpdateProfileRequest{}, &KickRequest{},
			&KickedPush{}, &GoAwayPush{}, &ClosePush{}, &ErrorBody{},
		}
		for _, m := range messages {
			if m.UnmarshalVT(input) != nil {
				continue
			}
			if _, err := m.MarshalVT(); err != nil {
				t.Fatalf("%T: %v", m, err)
			}
		}
	})
}

var benchRequest = SendRequest{
	To: "alice_in_wonderland", ClientId: "0f8fad5b-d9cb-469f-a165-70867728950e",
	Body: "The quick brown fox jumps over the lazy dog, then sits down to a cup of tea. 驿站",
	Ext:  `{"mood":"curious"}`,
}

func BenchmarkEncodeRequest(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 1024)
	f := Frame{Kind: KindRequest, Command: CmdSend, Serial: 1234}
	for b.Loop() {
		buf = AppendBody(buf[:0], &f, &benchRequest)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeRequest(b *testing.B) {
	b.ReportAllocs()
	buf := AppendBody(nil, &Frame{Kind: KindRequest, Command: CmdSend, Serial: 1234}, &benchRequest)
	b.SetBytes(int64(len(buf)))
	var m SendRequest
	for b.Loop() {
		f, n, err := ParseFrame(buf, MaxFrame)
		if err != nil || n == 0 {
			b.Fatal(n, err)
		}
		m.Reset()
		if err := m.UnmarshalVTUnsafe(f.Payload); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseFrame(b *testing.B) {
	b.ReportAllocs()
	buf := AppendBody(nil, &Frame{Kind: KindRequest, Command: CmdSend, Serial: 1234}, &benchRequest)
	for b.Loop() {
		if _, n, err := ParseFrame(buf, MaxFrame); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}
