package engineio_test

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
)

var handshake = engineio.Handshake{
	SID:          "s1",
	Upgrades:     []string{"websocket"},
	PingInterval: 25 * time.Second,
	PingTimeout:  20 * time.Second,
	MaxPayload:   1_000_000,
}

func TestHandshakeTravelsInMilliseconds(t *testing.T) {
	p, err := handshake.Packet()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"sid":"s1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	if !equal(p, text(engineio.Open, want)) {
		t.Errorf("got %d %s", p.Type, p.Data)
	}
}

func TestHandshakeWithoutUpgradesSendsAnEmptyList(t *testing.T) {
	h := handshake
	h.Upgrades = nil
	p, err := h.Packet()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"sid":"s1","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`
	if string(p.Data) != want {
		t.Errorf("got %s", p.Data)
	}
}

func TestHandshakeOutOfRangeIsNotSent(t *testing.T) {
	for name, spoil := range map[string]func(*engineio.Handshake){
		"no sid":              func(h *engineio.Handshake) { h.SID = "" },
		"a sid of bytes":      func(h *engineio.Handshake) { h.SID = "\xff" },
		"no interval":         func(h *engineio.Handshake) { h.PingInterval = 0 },
		"a part of a ms":      func(h *engineio.Handshake) { h.PingTimeout = time.Microsecond },
		"a negative timeout":  func(h *engineio.Handshake) { h.PingTimeout = -time.Second },
		"more than timers do": func(h *engineio.Handshake) { h.PingInterval = (math.MaxInt32 + 1) * time.Millisecond },
		"no payload":          func(h *engineio.Handshake) { h.MaxPayload = 0 },
	} {
		h := handshake
		spoil(&h)
		if _, err := h.Packet(); !errors.Is(err, engineio.ErrBadHandshake) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMalformedHandshakeIsRefused(t *testing.T) {
	for _, data := range []string{
		``, `null`, `[]`, `{}`, `{"sid":"x"`,
		`{"sid":1,"upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":1}`,
		`{"sid":"","upgrades":[],"pingInterval":1,"pingTimeout":1,"maxPayload":1}`,
		`{"sid":"x","upgrades":{},"pingInterval":1,"pingTimeout":1,"maxPayload":1}`,
		`{"sid":"x","upgrades":[],"pingInterval":0,"pingTimeout":1,"maxPayload":1}`,
		`{"sid":"x","upgrades":[],"pingInterval":1,"pingTimeout":-1,"maxPayload":1}`,
		`{"sid":"x","upgrades":[],"pingInterval":18446744073710,"pingTimeout":1,"maxPayload":1}`,
		`{"sid":"x","upgrades":[],"pingInterval":1,"pingTimeout":1}`,
	} {
		if h, err := engineio.ParseHandshake([]byte(data)); !errors.Is(err, engineio.ErrBadHandshake) {
			t.Errorf("%s: %+v, %v", data, h, err)
		}
	}
}

func TestHandshakeRoundTrip(t *testing.T) {
	millis := rapid.Int64Range(1, math.MaxInt32)
	rapid.Check(t, func(t *rapid.T) {
		want := engineio.Handshake{
			SID:          rapid.StringN(1, 40, -1).Draw(t, "sid"),
			Upgrades:     rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, "upgrades"),
			PingInterval: time.Duration(millis.Draw(t, "interval")) * time.Millisecond,
			PingTimeout:  time.Duration(millis.Draw(t, "timeout")) * time.Millisecond,
			MaxPayload:   rapid.IntRange(1, 1<<30).Draw(t, "maxPayload"),
		}
		p, err := want.Packet()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := engineio.ParseHandshake(p.Data); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func FuzzParseHandshake(f *testing.F) {
	f.Add([]byte(`{"sid":"x","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := engineio.ParseHandshake(data)
		if err != nil {
			return
		}
		if _, err := h.Packet(); err != nil {
			t.Fatalf("%q was accepted but %v", data, err)
		}
	})
}
