package socket_test

import (
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

func TestConformanceConnect(t *testing.T) {
	url := newSite(t, engine.Options{}).socket
	for connect, event := range map[string]string{
		`40`:                       `42["auth",{}]`,
		`40{"token":"123"}`:        `42["auth",{"token":"123"}]`,
		`40/custom,`:               `42/custom,["auth",{}]`,
		`40/custom,{"token":"ab"}`: `42/custom,["auth",{"token":"ab"}]`,
	} {
		c := open(t, url)
		c.send(connect)
		head, _, _ := strings.Cut(connect, "{")
		m := c.text()
		sid, ok := strings.CutPrefix(m, head+`{"sid":"`)
		if sid, ok2 := strings.CutSuffix(sid, `"}`); !ok || !ok2 || sid == "" {
			t.Errorf("%s is answered with %s", connect, m)
		}
		c.expect(event)
	}
	c := open(t, url)
	c.send("40/random")
	c.expect(`44/random,{"message":"Invalid namespace"}`)
}

func TestConformanceNoConnect(t *testing.T) {
	c := open(t, newSite(t, engine.Options{}).socket)
	c.send("4abc")
	c.ended()
	dial(t, newSite(t, engine.Options{OpenTimeout: 20 * time.Millisecond}).socket, "").ended()
}

func TestConformanceDisconnect(t *testing.T) {
	url := newSite(t, engine.Options{PingInterval: 100 * time.Millisecond}).socket
	c := join(t, url, "/")
	c.expect(`42["auth",{}]`)
	c.send("41")
	c.expect("2") // the session goes on

	c = join(t, newSite(t, engine.Options{}).socket, "/")
	c.expect(`42["auth",{}]`)
	c.join("/custom")
	c.expect(`42/custom,["auth",{}]`)
	c.send("41/custom")
	c.send(`42["message","message to main namespace"]`)
	c.expect(`42["message-back","message to main namespace"]`)
}

func TestConformanceEvents(t *testing.T) {
	c := join(t, newSite(t, engine.Options{}).socket, "/")
	c.expect(`42["auth",{}]`)
	c.send(`42["message",1,"2",{"3":[true]}]`)
	c.expect(`42["message-back",1,"2",{"3":[true]}]`)
	c.send(`42456["message-with-ack",1,"2",{"3":[false]}]`)
	c.expect(`43456[1,"2",{"3":[false]}]`)
	for sent, want := range map[string]string{
		`452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`:             `452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`,
		`452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`: `462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`,
	} {
		c.send(sent)
		c.sendBinary(1, 2, 3)
		c.sendBinary(4, 5, 6)
		c.expect(want, "[1 2 3]", "[4 5 6]")
	}
}

func TestConformanceInvalidPackets(t *testing.T) {
	url := newSite(t, engine.Options{}).socket
	for _, m := range []string{"4abc", "42{}", `42abc["message-with-ack",1,"2",{"3":[false]}]`} {
		c := join(t, url, "/")
		c.expect(`42["auth",{}]`)
		c.send(m)
		c.ended()
	}
}
