package kafka_test

import (
	"errors"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// kafka-go does not know the request DeleteRecords, which is how an administrator
// has a topic forget.
type (
	deleteRequest struct {
		Topics    []deleteTopicRequest `kafka:"min=v0,max=v1"`
		TimeoutMs int32                `kafka:"min=v0,max=v1"`
	}
	deleteTopicRequest struct {
		Name       string                   `kafka:"min=v0,max=v1"`
		Partitions []deletePartitionRequest `kafka:"min=v0,max=v1"`
	}
	deletePartitionRequest struct {
		Partition int32 `kafka:"min=v0,max=v1"`
		Offset    int64 `kafka:"min=v0,max=v1"`
	}
	deleteResponse struct {
		ThrottleTimeMs int32                 `kafka:"min=v0,max=v1"`
		Topics         []deleteTopicResponse `kafka:"min=v0,max=v1"`
	}
	deleteTopicResponse struct {
		Name       string                    `kafka:"min=v0,max=v1"`
		Partitions []deletePartitionResponse `kafka:"min=v0,max=v1"`
	}
	deletePartitionResponse struct {
		Partition    int32 `kafka:"min=v0,max=v1"`
		LowWatermark int64 `kafka:"min=v0,max=v1"`
		ErrorCode    int16 `kafka:"min=v0,max=v1"`
	}
)

func init() { protocol.Register(&deleteRequest{}, &deleteResponse{}) }

func (*deleteRequest) ApiKey() protocol.ApiKey  { return protocol.DeleteRecords } //nolint:revive // the interface's name
func (*deleteResponse) ApiKey() protocol.ApiKey { return protocol.DeleteRecords } //nolint:revive // the interface's name

// deleteRecords deletes what is before an offset.
func deleteRecords(t *testing.T, topic string, partition int32, before int64) {
	t.Helper()
	client := admin(t)
	answer, err := client.Transport.RoundTrip(t.Context(), client.Addr, &deleteRequest{
		TimeoutMs: int32(patience.Milliseconds()),
		Topics:    []deleteTopicRequest{{topic, []deletePartitionRequest{{partition, before}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.(*deleteResponse).Topics[0].Partitions[0]; got.ErrorCode != 0 || got.LowWatermark != before {
		t.Fatal(errors.Join(kafkago.Error(got.ErrorCode)), got)
	}
}
