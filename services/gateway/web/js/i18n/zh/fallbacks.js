// @ts-check
// Engines that replaced others, and engine states, in Chinese.
export default {
  "fallback.asr": "由 {used} 识别：{why}。",
  "fallback.llm": "由 {used} 回答：{why}。",
  "fallback.tts": "由 {used} 朗读：{why}。",
  "fallback.voice": "音色由“{wanted}”改为“{used}”。",
  "fallback.and": "，",
  "fallback.then": "",
  "fallback.why.unreachable": "无法连接 {engine}",
  "fallback.why.slow": "{engine} 响应过慢",
  "fallback.why.quota": "{engine} 的额度已用尽",
  "fallback.why.busy": "{engine} 繁忙",
  "fallback.why.key": "{engine} 没有有效密钥",
  "fallback.why.setup": "{engine} 尚未配置",
  "fallback.why.loading": "{engine} 正在启动",
  "fallback.why.voice": "{engine} 还没有音色",
  "fallback.why.failed": "{engine} 出错",
  "engine.resting": "暂缓使用",
  "engine.trying": "等待重试",
  "engine.rests": "刚刚出错，暂时先使用排在后面的引擎；{time}后重试。",
  "engine.tries": "曾经出错；下一个请求会重新尝试。",
};
