package main

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The generated decoders copy every string of a message. At the rates this
// driver runs at, on the same machine as the node, that would be a large part
// of what it measures; so the messages of the fast path are scanned for the
// few fields that accounting needs. TestScannersAgreeWithTheSchema ties the
// numbers below to wire.proto.
const (
	fieldPushMessage = 1 // MessagePush.message

	fieldMessageClientID = 4  // Message.client_id
	fieldMessageSeq      = 20 // Message.seq

	fieldRoomClientID = 4 // RoomMessagePush.client_id

	fieldSendSeq       = 1 // SendResponse.seq
	fieldSendDuplicate = 4 // SendResponse.duplicate

	fieldHistoryMessages = 1 // HistoryResponse.messages
)

// logEntry is what accounting needs of a message. clientID shares memory with
// what was scanned.
type logEntry struct {
	clientID []byte
	seq      uint64
}

// scanPush reads a MessagePush.
func scanPush(payload []byte) (entry logEntry, err error) {
	err = scanFields(payload, func(field protowire.Number, value []byte, _ uint64) (err error) {
		if field == fieldPushMessage && value != nil {
			entry, err = scanMessage(value)
		}
		return err
	})
	return entry, err
}

// scanMessage reads a Message.
func scanMessage(message []byte) (entry logEntry, err error) {
	err = scanFields(message, func(field protowire.Number, value []byte, number uint64) error {
		switch field {
		case fieldMessageClientID:
			entry.clientID = value
		case fieldMessageSeq:
			entry.seq = number
		}
		return nil
	})
	return entry, err
}

// scanRoomPush reads the client id of a RoomMessagePush. It shares memory with
// payload.
func scanRoomPush(payload []byte) (clientID []byte, err error) {
	err = scanFields(payload, func(field protowire.Number, value []byte, _ uint64) error {
		if field == fieldRoomClientID {
			clientID = value
		}
		return nil
	})
	return clientID, err
}

// scanSendResponse reads a SendResponse.
func scanSendResponse(payload []byte) (seq uint64, duplicate bool, err error) {
	err = scanFields(payload, func(field protowire.Number, _ []byte, number uint64) error {
		switch field {
		case fieldSendSeq:
			seq = number
		case fieldSendDuplicate:
			duplicate = number != 0
		}
		return nil
	})
	return seq, duplicate, err
}

// scanHistory calls each for every message of a HistoryResponse.
func scanHistory(payload []byte, each func(logEntry) error) error {
	return scanFields(payload, func(field protowire.Number, value []byte, _ uint64) error {
		if field != fieldHistoryMessages || value == nil {
			return nil
		}
		entry, err := scanMessage(value)
		if err != nil {
			return err
		}
		return each(entry)
	})
}

var errScan = wire.Errorf(wire.CodeMalformedFrame, "the node sent a message that is not protobuf")

// scanFields calls field with every top-level field of a protobuf message:
// with its bytes when it is a string or message, with its number when it is a
// varint.
func scanFields(b []byte, field func(f protowire.Number, value []byte, number uint64) error) error {
	for len(b) > 0 {
		f, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errScan
		}
		b = b[n:]
		var value []byte
		var number uint64
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(f, kind, b)
		}
		if n < 0 {
			return errScan
		}
		if err := field(f, value, number); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
