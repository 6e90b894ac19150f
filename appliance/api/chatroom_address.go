package api

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/lbs"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Values of the parameter clienttype of chatroom/requestAddr.
const (
	clientWeb    = 1
	clientNative = 2
	clientWechat = 3 // a mini program, which has WebSockets like a browser
)

var chatroomAddressActions = []action{{
	name:  "chatroom/requestAddr",
	about: "Tells where a device of an account connects to enter a room: the access points that LBS tells a client that names the room, in the same order.",
	params: []param{
		paramRoom,
		{name: "accid", kind: account, required: true, about: "who is about to enter"},
		{name: "clienttype", kind: number, least: clientWeb, most: clientWechat, about: "1 a browser (default), 2 a native app, 3 a WeChat mini program"},
	},
	ignored: []string{"clientip"},
	answer:  addressAnswer{},
	codes: []outcome{
		{wire.CodeNotFound, "there is no such room or account, or no access point for clienttype"},
		{wire.CodeRoomClosed, "the room is closed"},
		{wire.CodeRoomBlocked, "the room has blocked accid"},
	},
	serve: (*API).roomAddresses,
}}

type addressAnswer struct {
	Addresses []string `json:"addr" about:"the access points, in the order to try them" of:"host:port"`
}

func (a *API) roomAddresses(ctx context.Context, c *call) (any, error) {
	room, err := a.app.RoomFor(ctx, c.appKey(), c.room(), c.args["accid"].text)
	if err != nil {
		return nil, err
	}
	transport := lbs.TransportWebLink
	if c.args["clienttype"].number == clientNative {
		transport = lbs.TransportLink
	}
	addresses := lbs.ForRoom(c.points, c.appKey(), room, transport, c.http.Host)
	if len(addresses) == 0 {
		return nil, wire.Errorf(wire.CodeNotFound, "no access point for transport %q", transport)
	}
	return addressAnswer{addresses}, nil
}
