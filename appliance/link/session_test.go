package link_test

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestLoginThenRequestsThenLogout(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	c := g.login(t, secure.AllCodecs)
	c.send("hello")
	c.request(wire.CmdLogout, nil)
	if f := c.read(); f.Code != wire.CodeOK {
		t.Errorf("logout was answered with %v", f.Code)
	}
	c.wantClosed(0)
	h.wantEnded(t, wire.CodeOK)
}
