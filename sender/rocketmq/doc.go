package rocketmq
