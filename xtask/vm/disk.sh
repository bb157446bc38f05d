#!/bin/sh
# The first program of the emulated machine: finds the disk and goes on there.
export PATH=/bin
for number in 0 1 2 3 4 5 6 7 8 9 10; do
  [ -e /$number.ko ] && insmod /$number.ko
done
mount -t devtmpfs dev /dev
mount -t proc proc /proc
tries=0
until mount -t ext4 /dev/vda /mnt 2>/dev/null; do
  tries=$((tries + 1))
  [ $tries -gt 50 ] && poweroff -f
  sleep 0.1
done
mount --move /dev /mnt/dev
mount --move /proc /mnt/proc
exec switch_root /mnt /init
