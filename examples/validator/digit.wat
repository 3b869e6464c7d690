;; A filter of messages (docs/validators.md): what contains a digit is valid.
;; wat2wasm digit.wat -o filter.wasm
(module
  ;; Four pages of 64 KiB: room for the longest message, and for the signer behind it.
  (memory (export "memory") 4)
  (global $free (mut i32) (i32.const 1024))

  ;; Where the node may put `len` bytes. Nothing is ever freed: the memory is new for each message.
  (func (export "alloc") (param $len i32) (result i32)
    global.get $free
    global.get $free
    local.get $len
    i32.add
    global.set $free)

  (func (export "valid") (param $body i32) (param $len i32) (param $signer i32) (param $signer_len i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $body) (local.get $len)))
    (block $none
      (loop $next
        (br_if $none (i32.ge_u (local.get $body) (local.get $end)))
        ;; '0' is 48; what is below it becomes a large number without a sign.
        (if (i32.lt_u (i32.sub (i32.load8_u (local.get $body)) (i32.const 48)) (i32.const 10))
          (then (return (i32.const 1))))
        (local.set $body (i32.add (local.get $body) (i32.const 1)))
        (br $next)))
    i32.const 0))
