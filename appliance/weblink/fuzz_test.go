package weblink_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
)

// FuzzPackets gives a logged-in session one packet of any kind, and then a request:
// either the packet ends the session, or the request is answered. The handler is
// never called in a way that session.Handler rules out.
func FuzzPackets(f *testing.F) {
	for _, packet := range []string{
		`42["send",{"to":"bob","clientId":"1","body":"hello"}]`, `421["sync"]`, `421["history",{"peer":"bob","limit":5},1]`,
		`420["send",[]]`, `420["login",{"token":"x"}]`, `420["nope",null]`, `451-0["send",{"_placeholder":true,"num":0}]`,
		`40{}`, `40/other,{}`, `41`, `41/other,`, `43["x"]`, `430[]`, `44{}`, `2probe`, `3`, `1`, `6`, `42[1]`, `42["disconnect"]`,
		`429007199254740993["sync"]`, `42["update_profile",{"name":"\ud83d\ude00"}]`, "", "4", `4999`,
	} {
		f.Add(packet)
	}
	h := newHandler()
	h.quiet = true
	g := start(f, h, weblink.Options{})
	f.Fuzz(func(t *testing.T, packet string) {
		if !utf8.ValidString(packet) {
			return // the WebSocket would end with it
		}
		s := dialStranger(t, g.url)
		s.write(`40{"appKey":"app","account":"alice","token":"secret","deviceId":"d"}`)
		for range 2 { // CONNECT, login
			s.read()
		}
		s.write(packet)
		s.write(`42900000["ack",{"version":1}]`)
		for {
			frame, err := weblinktest.ReadFrame(s.conn)
			if err != nil || frame.Header.OpCode.IsControl() || string(frame.Payload) == "1" {
				break
			}
			if answer, ok := strings.CutPrefix(string(frame.Payload), "43900000"); ok {
				if answer != `[{"code":200,"body":{}}]` && !strings.Contains(packet, "900000") {
					t.Errorf("after %q a request is answered with %s", packet, answer)
				}
				break
			}
		}
		_ = s.conn.Close()
		h.wantNoFaults(t)
	})
}
